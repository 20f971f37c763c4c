package archtest

// exception lets one file break one rule.
type exception struct {
	Rule   string
	Path   string // from the repository's root
	Reason string // why the rule's own reason does not hold here
}

// allowed is every exception there is. One that matches no violation any more fails the test.
var allowed = []exception{
	{"sql-in-store", "internal/cluster/database.go", "it makes and drops whole databases, for tests and for the bench; what is in them belongs to store"},
	{"sql-in-store", "internal/bench/rival/postgres.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/postgres_function.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/postgres_usual.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/prepare_sqlite.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/rows.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/usual.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/usual_many.go", comparedWith},
	{"sql-in-store", "internal/bench/rival/usual_rows.go", comparedWith},
}

// comparedWith is why the bench has SQL of its own.
const comparedWith = "the usual service that Scrip is measured beside is not Scrip: it writes SQL the way most teams do, and shares nothing with store"
