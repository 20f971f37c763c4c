// Package webhook tells: it sends what endpoints are owed.
//
// What happened is a message, a row written with its cause. What an endpoint is owed is a delivery, a row as well. Both are
// decided in package credits; here is the loop that serves the queues of endpoints, one round after the other: take the
// queue, send, settle what became of it together with reading the next round.
//
// Invariants kept by this package:
//
//   - A delivery counts as delivered only after the receiver has answered 2xx. Whatever ends the process before that is
//     stored leads to another attempt: at least once.
//   - What is signed is what is sent, byte by byte.
//   - Every queue is served by itself. One that fails is sent to by one attempt at a time, out of a share of all places that
//     others do not need, so a dead receiver delays nobody else.
//   - The number of queues served at once, of attempts in each and the size of a round are bounded, and with them memory.
//   - Run returns when every attempt under way has ended or was given up, and every queue was handed back.
package webhook
