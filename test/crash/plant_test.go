package crash

import (
	"testing"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// earlyAnswers is the bug that the writer of a shard answers its callers before the commit instead of after it. The pause
// lets the answers reach the clients: a real commit takes that long on a slow disk.
var earlyAnswers = []process.Change{
	{
		File: "../../internal/engine/flight.go",
		From: "\t\tf.err = s.send(f.lock, &f.commit)\n",
		To:   "\t\tanswerBeforeCommit(f.works)\n\t\tf.err = s.send(f.lock, &f.commit)\n",
	},
	{
		File: "../../internal/engine/planted.go",
		To: `package engine

import "time"

func answerBeforeCommit(batch []*work) {
	for _, w := range batch {
		if w.read == nil {
			early := w.done
			w.done = make(chan struct{})
			close(early)
		}
	}
	time.Sleep(5 * time.Millisecond)
}
`,
	},
}

// unsafeCommits is the bug that PostgreSQL is told to answer before a commit is on disk, and that nobody checks that.
var unsafeCommits = []process.Change{
	{
		File: "../../internal/store/dialect_postgres.go",
		From: `"synchronous_commit":                  "on"`,
		To:   `"synchronous_commit":                  "off"`,
	},
	{
		File: "../../internal/store/check_postgres.go",
		From: `"full_page_writes", "synchronous_commit"`,
		To:   `"full_page_writes"`,
	},
}

// endlessLocks is the bug that PostgreSQL lets a session that has frozen keep its locks.
var endlessLocks = []process.Change{{
	File: "../../internal/store/dialect_postgres.go",
	From: `"idle_in_transaction_session_timeout": "5000"`,
	To:   `"idle_in_transaction_session_timeout": "0"`,
}}

// plant builds the program with a bug.
func plant(t *testing.T, bug []process.Change) string {
	t.Helper()
	path, err := process.BuildPlanted(t.Context(), t.TempDir(), bug...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
