// Package strictjson reads JSON request bodies without the liberties that encoding/json takes, and writes answers in the
// one form that the API uses.
//
// Reading refuses what two parsers could understand differently (reliability S11): repeated, unknown and differently cased
// members, data after the value, invalid UTF-8, NUL, lone surrogates, nesting beyond DepthMax, and texts and lists beyond
// their bounds. Every error names the path of the member that is wrong, as in events[3].dimensions.x, and never repeats
// what the caller sent.
//
// A Scanner walks a body token by token and always knows its path. Decode fills a wire struct with one, by a plan that is
// made once per type: a member without omitempty is required, a pointer without omitempty may be null, a type with a
// Valid method is an enumeration, an amount is read from its literal text. Append writes an answer: amounts as plain
// numbers, times in UTC with milliseconds. Canonical is the normal form of a body, to tell a repeat from a misuse.
package strictjson
