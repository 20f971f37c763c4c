// Package crash kills the real program again and again while clients use it, and checks that it keeps its word: every
// effect that was acknowledged is there, exactly once, and the program is ready again at once.
//
// A run works in cycles. The program is started; clients send a mix of requests over HTTP (load.go) and write down what was
// acknowledged (book.go); at a random instant the process gets SIGKILL. Clients whose request got no answer send the same
// request with the same key until there is one (client.go). Every few cycles the clients pause and the book is compared
// with what the API tells (read.go, judge.go). At the end `scrip verify` recomputes the whole database.
//
// On PostgreSQL two nodes run. One of them is killed, or the database is struck under both (outage.go), or a node is frozen
// while it holds the lock of a shard, and wakes when others have gone on (frozen.go).
//
// The check itself is tested in two ways: against a fake server that forgets or repeats effects (fake_test.go), and
// against the real program with planted bugs (plant_test.go): it answers before it commits, the database answers before it
// has written, a frozen node keeps its locks.
//
// A failing run prints its seed; the order of requests still depends on the machine, so a failure repeats often, not always.
package crash
