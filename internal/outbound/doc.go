// Package outbound is the one way in which Scrip calls an address that a user has chosen (reliability S10).
//
// Such a call leaves from inside the operator's network, so whoever may name an address could otherwise make Scrip ask
// machines that nobody outside can reach. CheckURL judges what is written, at the time it is registered; a Client judges
// what is really connected to, each time a connection is opened, because a name can mean another machine a second later.
//
// Invariants kept by this package, for every Policy:
//
//   - No connection is opened to an address that the policy forbids, whatever name led there and whenever it was resolved.
//     A name with one forbidden address among several is refused as a whole.
//   - The address that was judged is the address that is connected to: it is not resolved again in between, and it is judged
//     once more on the socket.
//   - A redirect is an answer and is never followed; no proxy of the environment is used.
//   - A call ends after TotalMax, keeps at most ExcerptMax of the answer and reads at most ReadMax of it, uncompressed.
//
// The port is 443 or 8443. Every other one is somebody's database, cache or control plane more often than it is a receiver;
// who needs another one puts a proxy before it.
package outbound
