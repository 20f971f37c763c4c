// Package served is a model.Subject that speaks REST: each World is one customer in an environment of its own on a real
// server in this process, with a database, the engine, the use cases and the HTTP handler that the program is made of.
//
// A Server is opened on a database and serves any number of worlds, each with its own clock and grace. It can be closed and
// opened again over the same data at any moment (Restart), can cut the journal into small windows so that derived tables
// are written and read all the time, and can recompute the whole journal (Verify). Every exchange may be held against
// api/openapi.yaml.
//
// A world's clock is put where the story says, or moved there by clock/advance as a tester moves the test clock of an
// environment. The scenarios are played both ways; random histories, which move the clock thousands of times, only put it.
//
// What a story tells is translated as a client would have to do it: features with meters, a plan whose versions are
// published at their instants, subscriptions, grants, events, reservations; reads walk through their pages, in pages of
// different sizes. A read that contradicts itself, for example the same list in other pages, panics.
//
// Two commands have no means in REST yet and go to the engine directly, see hooks.go: recurring grants, and what became
// of a payment.
//
// Differences of form, not of substance, between the answers of REST and those of a model.Subject are settled here, each
// where it arises: a consumption under a used key is 409 rather than a duplicate, one that is too old is refused
// rather than quarantined, a repeated reservation is answered with its first state.
package served
