// Package bench measures Scrip beside other ways to do its work: in one run, on one machine, from an HTTP request to its
// durable commit, with the load generator on the same cores.
//
// Run starts every server as a process of its own on a fresh copy of the same prepared data, and gives each the same
// requests in turns: round after round, cell after cell, one server after the other, so that a machine that slows down
// slows all of them. A Cell is a number of clients and of events in a request; the figures of a cell are medians over the
// rounds.
//
// Where servers keep their data is a Place: a folder, or a database on a PostgreSQL server. A server may run on several nodes
// that share a place (nodes.go). Beside the rounds there are measurements of one server at a time: latency at fixed rates,
// entitlement checks, memory, a long run (extras.go), and what growth costs (growth.go).
//
// What keeps the figures honest:
//
//   - every answer is read, and must be a 200 with the expected JSON;
//   - after each cell the credits that the server says were consumed must equal, to the last digit, those of the events
//     it acknowledged, so that no figure comes from dropped work; a difference ends the run with an error;
//   - latencies at a fixed rate count from the moment a request was due, not from when it could be sent; requests are due
//     at random moments, as those of independent callers;
//   - what a node refuses for the moment is sent again, counted and told;
//   - the events, customers and keys follow from a seed;
//   - the rivals (package rival) are as fast as an honest implementation of them can be.
//
// The package reads no clock; cmd hands one in.
package bench
