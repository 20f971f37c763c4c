package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestJoint(t *testing.T) {
	// Who comes during a run is answered by the next one, which all of them share.
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j Joint
		started, release := make(chan struct{}), make(chan struct{})
		runs := 0
		fn := func() error {
			runs++
			started <- struct{}{}
			<-release
			return nil
		}
		var wait sync.WaitGroup
		wait.Go(func() { _ = j.Do(t.Context(), fn) })
		<-started
		answered := 0
		var mu sync.Mutex
		for range 10 {
			wait.Go(func() {
				_ = j.Do(t.Context(), fn)
				mu.Lock()
				defer mu.Unlock()
				answered++
			})
		}
		synctest.Wait()
		release <- struct{}{} // the first run ends, which answers none of the ten
		<-started
		synctest.Wait()
		if answered != 0 || runs != 2 {
			t.Errorf("%d were answered by a run that had begun before they came, in %d runs", answered, runs)
		}
		release <- struct{}{}
		wait.Wait()
		if answered != 10 || runs != 2 {
			t.Errorf("%d answers in %d runs", answered, runs)
		}
	})
}

func TestJointFails(t *testing.T) {
	// The error of a run is everybody's who shares it; who gives up does not wait for it.
	t.Parallel()
	var j Joint
	broken := errors.New("broken")
	if err := j.Do(t.Context(), func() error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	release := make(chan struct{})
	defer close(release)
	if err := j.Do(gone, func() error { <-release; return nil }); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}
