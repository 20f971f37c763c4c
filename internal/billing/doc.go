// Package billing collects money: it takes what package credits has written down to be collected to a payment provider, and
// brings back what became of it.
//
// An attempt is a row before it is a charge. A Collector claims it with a fence, makes sure that its grant exists, notes
// that the provider may know of it from now on, calls the provider with the attempt's id as the idempotency key, stores the
// answer under the fence, and lets it reach the grant. Whatever is lost on the way is found by asking the provider for that
// id; nothing is ever charged anew because an answer got lost (I14).
//
// Providers: manual, built in, where a person says what became of a charge; package stripe; and package fake, for tests,
// which keeps books of its own and misbehaves on command.
package billing
