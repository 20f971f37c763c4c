package credits_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// promised counts what the whole journal tells of pools, by kind.
func (s *story) promised() map[ledger.NewsKind]int {
	s.t.Helper()
	counts := map[ledger.NewsKind]int{}
	for from := engine.NewPosition(0, 1); ; {
		entries, next, err := s.engine.NewsFrom(s.ctx, from, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range entries {
			for _, p := range e.Pools {
				for _, n := range p.Facts[len(p.Facts)-1].Alert.News {
					counts[n.Kind]++
				}
			}
		}
		if next == from {
			return counts
		}
		from = next
	}
}

// kinds are the types of message by the news behind them.
var kinds = map[credits.MessageType]ledger.NewsKind{
	credits.GrantGranted: ledger.NewsGranted, credits.GrantUpdated: ledger.NewsUpdated, credits.GrantUsageLow: ledger.NewsGrantLow,
	credits.GrantDepleted: ledger.NewsGrantDepleted, credits.GrantVoided: ledger.NewsVoided, credits.BalanceUsageLow: ledger.NewsBalanceLow,
	credits.BalanceDepleted: ledger.NewsBalanceDepleted,
}

func TestTelling_once(t *testing.T) {
	// However many tellers read at once, and however often they and the service start anew, each piece of news has one message,
	// and the numbers of a pool's messages have no gap.
	t.Parallel()
	s := newStory(t, "80 50 20", "80")
	random := rand.New(rand.NewPCG(3, 5))
	for round := range 6 {
		if round == 3 {
			s.restart()
		}
		tellers := make([]*credits.Teller, 3)
		for i := range tellers {
			tellers[i] = s.NewTeller(slog.New(slog.DiscardHandler))
		}
		var wait sync.WaitGroup
		for _, teller := range tellers {
			wait.Go(func() {
				for range 10 {
					if err := teller.Once(s.ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 25 {
			if random.IntN(4) == 0 {
				s.grant(fmt.Sprint("G", round, "-", i), fmt.Sprint(20+random.IntN(80)), credits.NewGrant{})
			} else {
				s.use(fmt.Sprint(1 + random.IntN(40)))
			}
		}
		wait.Wait()
	}
	s.tell()
	got, sequence := map[ledger.NewsKind]int{}, int64(0)
	for after := int64(0); ; {
		last := must[int64](t)(s.LastMessage(s.ctx, env))
		if after == last {
			break
		}
		for _, m := range must[[]*credits.Message](t)(s.MessagesAfter(s.ctx, env, after, 100)) {
			after = m.No
			if !strings.HasPrefix(m.Stream, "pool ") {
				continue
			}
			if sequence++; m.Sequence != sequence {
				t.Fatalf("message %s has the sequence %d, want %d", m.ID, m.Sequence, sequence)
			}
			got[kinds[m.Type]]++
		}
	}
	if diff := cmp.Diff(s.promised(), got); diff != "" {
		t.Errorf("messages (-journal +told):\n%s", diff)
	}
	if got[ledger.NewsBalanceLow] < 5 || got[ledger.NewsUpdated] < 5 {
		t.Errorf("hardly anything happened: %v", got)
	}
}

func TestTelling_expiring(t *testing.T) {
	// Seven days and one day before a grant expires it is told of, if something is left and its expiry has not moved.
	t.Parallel()
	s := newStory(t, "", "")
	by := credits.Caller{Actor: actor}
	s.grant("kept", "10", credits.NewGrant{ExpireAt: start + 10*dayLong, Priority: new(int32(2))})
	s.grant("short", "10", credits.NewGrant{ExpireAt: start + 3*dayLong, Priority: new(int32(3))})
	s.grant("used", "10", credits.NewGrant{ExpireAt: start + 10*dayLong, Priority: new(int32(1))})
	s.grant("moved", "10", credits.NewGrant{ExpireAt: start + 10*dayLong, Priority: new(int32(4))})
	s.grant("voided", "10", credits.NewGrant{ExpireAt: start + 10*dayLong, Priority: new(int32(5))})
	s.use("10")
	never := ledger.Time(0)
	must[*credits.Grant](t)(s.UpdateGrant(s.ctx, env, by, s.grants["moved"], credits.GrantUpdate{ExpireAt: &never}))
	must[*credits.Grant](t)(s.VoidGrant(s.ctx, env, by, s.grants["voided"], ""))
	s.tells("granted kept", "granted short", "granted used", "granted moved", "granted voided", "grant.depleted used", "grant.updated moved", "grant.voided voided")
	s.tick(2*dayLong - 1)
	s.tells()
	s.tick(1)
	s.tells("grant.expiring short")
	s.tick(dayLong)
	s.tells("grant.expiring kept")
	s.tells()
	s.tick(6 * dayLong)
	s.tells("grant.expiring kept")
	must[int](t)(s.Sweep(s.ctx, env))
	s.tells("expired short")
}

func TestThresholds_nextTransaction(t *testing.T) {
	// A pool's own thresholds take the place of the environment's with its next transaction, also on another node of the
	// service, and end with their removal.
	t.Parallel()
	s := newStory(t, "50", "")
	own := credits.ThresholdRef{Customer: "c1", Currency: "tokens"}
	s.grant("G1", "100", credits.NewGrant{})
	must[*credits.ThresholdSet](t)(s.SetThresholds(s.ctx, env, actor, credits.ThresholdSet{ThresholdRef: own, Amounts: []amount.Amount{dec("90")}}))
	s.use("5") // arms
	s.use("55")
	s.tells("granted G1", "balance.usage_low")
	s.restart()
	s.teller = s.NewTeller(slog.New(slog.DiscardHandler))
	s.grant("G2", "100", credits.NewGrant{})
	s.use("60")
	s.tells("granted G2", "grant.depleted G1", "balance.usage_low")
	if err := s.RemoveThresholds(s.ctx, env, actor, own); err != nil {
		t.Fatal(err)
	}
	s.grant("G3", "300", credits.NewGrant{})
	s.use("200")
	s.tells("granted G3", "grant.depleted G2", "balance.usage_low 50")
}
