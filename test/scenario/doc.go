// Package scenario plays whole behaviours, written as plain text, on anything that can act as a credits engine.
//
// A scenario file (testdata/*.txt, format in README.md) is a story: the clock, grants, events, reservations, and in
// between what must be seen. Parse reads one, Play plays it on a Driver and lists everything that was not as written.
// The same files run on the naive model, on the pure ledger and rating packages, and on a server.
//
// Nothing passes by being left out: a ledger table must show every row of its pool, a refusal, a duplicate, a warning
// or a quarantine must be announced by a line of its own, and a variant without an expectation is an error.
package scenario

import "github.com/scrip-dev/scrip/test/model"

// Driver is the system that a scenario is played on: one empty world with a movable clock. MoveClock posts everything
// due by then, in transactions of its own. A driver answers Outcome.Refused = model.Unsupported to what it cannot do.
type Driver = model.Subject
