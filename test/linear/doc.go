// Package linear runs the real program as several nodes on one PostgreSQL database, and shows that together they are as
// good as one: whatever the clients did at once, on whichever node, was done one after another, in an order that agrees
// with what each of them saw and when (E6, I5).
//
// A run works in rounds, each with pools of its own. Clients send requests to random nodes (load.go, operation.go) and
// write down what was asked, what was answered, and when (history.go), while nodes are killed or frozen and the database is
// restarted (chaos.go). A request without an answer is sent again under its key, or stays open: it may have acted at any
// time after, or never. At the end of a round porcupine looks for the order, pool by pool, against an exact model of one
// pool (pool.go).
//
// The check itself is tested: controls_test.go plants a stale read and a check-then-act into the program, and each must
// turn it red. A failing run prints its seed and the command that repeats it; the order of requests depends on the
// machine, so a failure repeats often, not always.
package linear
