package credits

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRounds_never_join_what_has_begun(t *testing.T) {
	// Who comes while a round is under way waits for the next one, together with all others who do.
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		release := make(chan struct{})
		r := rounds{ask: func(context.Context) error {
			asked++
			<-release
			return nil
		}}
		var wait sync.WaitGroup
		ended := 0
		var mu sync.Mutex
		join := func() {
			if err := r.join(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ended++
		}
		wait.Go(join)
		synctest.Wait()
		for range 100 {
			wait.Go(join)
		}
		synctest.Wait()
		release <- struct{}{}
		synctest.Wait()
		if asked != 2 || ended != 1 {
			t.Errorf("after the first round %d were asked and %d callers answered, want 2 and 1", asked, ended)
		}
		release <- struct{}{}
		wait.Wait()
		synctest.Wait() // for the one who makes the rounds
		if asked != 2 || r.underWay {
			t.Errorf("%d rounds for two generations of callers, still under way: %t", asked, r.underWay)
		}
	})
}

func TestRounds_ends(t *testing.T) {
	// A caller may leave, the others are answered; a failure is told to those of its round only; none lasts for ever.
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("failed")
		asked := 0
		r := rounds{ask: func(ctx context.Context) error {
			if asked++; asked == 1 {
				<-ctx.Done()
				return failure
			}
			return nil
		}}
		leaving, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := r.join(leaving); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		wait.Go(func() {
			started := time.Now()
			if err := r.join(t.Context()); !errors.Is(err, failure) || time.Since(started) != confirmMax {
				t.Errorf("the first round ended with %v after %v", err, time.Since(started))
			}
		})
		synctest.Wait()
		leave()
		wait.Go(func() {
			if err := r.join(t.Context()); err != nil {
				t.Errorf("the round after a failure: %v", err)
			}
		})
		wait.Wait()
	})
}
