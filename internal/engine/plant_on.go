//go:build plantedbug

package engine

import (
	"os"
	"time"
)

// plantEarlyAnswer breaks E1 on purpose, when SCRIP_PLANT asks for it: callers are answered before the commit that holds
// their operations. The crash test builds this to show that it would notice.
func plantEarlyAnswer(batch []*work) {
	if os.Getenv("SCRIP_PLANT") != "answer-before-commit" {
		return
	}
	for _, w := range batch {
		if w.read == nil {
			w.answer()
		}
	}
	time.Sleep(20 * time.Millisecond)
}
