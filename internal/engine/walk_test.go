package engine_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// walkStep is one operation of a walk: credits come, are used, or a grant is voided.
type walkStep struct {
	kind int // of the constants below
	n    int64
}

const (
	walkGrant = iota
	walkUse
	walkVoid
)

// walkOp does a step, once for its key.
type walkOp struct {
	customer string
	no       int
	step     walkStep
}

func (o *walkOp) key() string { return fmt.Sprint("step", o.no) }

func (o *walkOp) Scope() engine.Scope {
	return engine.Scope{Environment: env, Customer: o.customer, Key: engine.EventKey(env, o.customer, "", "walk", o.key())}
}

func (o *walkOp) Decide(tx *engine.Tx) error {
	ev := &engine.Event{Name: "walk", At: tx.Now(), Dims: rating.Dims{}, Status: engine.EventRated}
	cost := amount.FromInt(o.step.n)
	if o.step.kind == walkUse {
		ev.Charges = []engine.Charge{{Charge: ledger.Charge{Feature: "f"}, Currency: "tokens", Units: cost, Cost: cost}}
	}
	*tx.Entry() = engine.Entry{Kind: engine.EventEntry, Key: o.key(), Event: ev}
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	p, l := tx.Pool(0), tx.Ledger(0)
	switch o.step.kind {
	case walkGrant:
		_, err := p.AddGrant(l, ledger.Grant{Type: ledger.Promotional, Amount: cost, ExpireAt: ledger.Never})
		return err
	case walkUse:
		return p.Burn(l, cost, ledger.Charge{Feature: "f"})
	}
	ids := slices.Collect(p.Grants())
	if len(ids) == 0 {
		return nil
	}
	_, err := p.Void(l, ids[int(o.step.n)%len(ids)].ID)
	return err
}

func (o *walkOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// naiveWatch is a pool and its thresholds as a beginner would write them down, in fractions.
type naiveWatch struct {
	grants  []*naiveGrant // all that are not voided, in the order in which they are burned
	deficit *big.Rat
	base    *big.Rat
	armed   map[int64]bool // thresholds; 0 is depletion
	news    []string
	commits int

	noArming bool // planted: fires whenever it is below
	onRead   bool // planted: looks at every second commit only
}

type naiveGrant struct {
	amount, left *big.Rat
	told         bool // of 80 percent
}

func newNaiveWatch() *naiveWatch {
	return &naiveWatch{deficit: new(big.Rat), base: new(big.Rat), armed: map[int64]bool{}}
}

func (w *naiveWatch) do(s walkStep) {
	before := w.balance()
	rebased := false
	n := new(big.Rat).SetInt64(s.n)
	var touched []*naiveGrant
	switch {
	case s.kind == walkGrant:
		g := &naiveGrant{amount: n, left: new(big.Rat).Set(n)}
		w.grants = append(w.grants, g)
		rebased = true
		settled := least(w.deficit, g.left)
		w.deficit.Sub(w.deficit, settled)
		g.left.Sub(g.left, settled)
		if settled.Sign() > 0 {
			touched = append(touched, g)
		}
	case s.kind == walkUse:
		touched = w.use(n)
	case len(w.grants) > 0:
		i := int(s.n) % len(w.grants)
		w.grants = slices.Delete(w.grants, i, i+1)
		rebased = true
	}
	for _, g := range touched {
		w.lookAtGrant(g)
	}
	if rebased || w.balance().Cmp(before) > 0 {
		w.base = new(big.Rat)
		for _, g := range w.grants {
			if g.left.Sign() > 0 {
				w.base.Add(w.base, g.amount)
			}
		}
	}
	if w.commits++; !w.onRead || w.commits%2 == 0 {
		w.look()
	}
}

func (w *naiveWatch) use(n *big.Rat) (touched []*naiveGrant) {
	left := new(big.Rat).Set(n)
	for _, g := range w.grants {
		if x := least(left, g.left); x.Sign() > 0 {
			g.left.Sub(g.left, x)
			left.Sub(left, x)
			touched = append(touched, g)
		}
	}
	w.deficit.Add(w.deficit, left)
	return touched
}

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return new(big.Rat).Set(a)
	}
	return new(big.Rat).Set(b)
}

func (w *naiveWatch) balance() *big.Rat {
	sum := new(big.Rat).Neg(w.deficit)
	for _, g := range w.grants {
		sum.Add(sum, g.left)
	}
	return sum
}

func (w *naiveWatch) lookAtGrant(g *naiveGrant) {
	used := new(big.Rat).Sub(g.amount, g.left)
	if share := new(big.Rat).Quo(used, g.amount); !g.told && share.Cmp(big.NewRat(80, 100)) >= 0 {
		g.told = true
		w.news = append(w.news, "grant low 80")
	}
	if g.left.Sign() == 0 {
		w.news = append(w.news, "grant depleted")
	}
}

func (w *naiveWatch) look() {
	balance := w.balance()
	below := func(t int64) bool {
		if t == 0 {
			return balance.Sign() <= 0
		}
		return balance.Cmp(new(big.Rat).Mul(w.base, big.NewRat(t, 100))) < 0
	}
	for _, t := range []int64{80, 50, 20, 0} {
		switch {
		case below(t) && (w.armed[t] || w.noArming):
			w.armed[t] = false
			w.news = append(w.news, fmt.Sprint("low ", t))
		case !below(t) && (t == 0 || w.base.Sign() > 0):
			w.armed[t] = true
		}
	}
}

// heard lists what the journal tells of thresholds, by customer.
func (b *bundle) heard(t testing.TB) map[string][]string {
	t.Helper()
	heard := map[string][]string{}
	for from := engine.NewPosition(0, 1); ; {
		entries, next, err := b.NewsFrom(t.Context(), from, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			facts := e.Pools[0].Facts
			for _, n := range facts[len(facts)-1].Alert.News {
				if text := walkNews(n); text != "" {
					heard[e.Customer] = append(heard[e.Customer], text)
				}
			}
		}
		if next == from {
			return heard
		}
		from = next
	}
}

func walkNews(n ledger.News) string {
	switch n.Kind {
	case ledger.NewsGrantLow:
		return "grant low " + n.Threshold.String()
	case ledger.NewsGrantDepleted:
		return "grant depleted"
	case ledger.NewsBalanceLow:
		return "low " + n.Threshold.String()
	case ledger.NewsBalanceDepleted:
		return "low 0"
	}
	return ""
}

func TestThresholdWalks(t *testing.T) {
	// A thousand random walks, whose commits fail before and after they are durable and whose engine starts again, tell each
	// threshold once for each arming, as the naive model does. Models that look without arming, or now and then, disagree.
	t.Parallel()
	const walks, steps = 1000, 14
	b := setupFaults(t, engine.Options{WindowEntries: 2000})
	random := rand.New(rand.NewPCG(27, 16))
	models := map[string][3]*naiveWatch{}
	ops := make([]engine.Op, walks)
	faults, failing := 0, rand.New(rand.NewPCG(7, 7))
	b.journal.commits(faultyCommits(failing, &faults))
	for step := range steps {
		for i := range ops {
			customer := fmt.Sprint("walker", i)
			s := walkStep{random.IntN(3), 1 + random.Int64N(60)}
			if random.IntN(3) == 0 {
				s.kind = walkUse
			}
			ops[i] = &walkOp{customer: customer, no: step, step: s}
			if step == 0 {
				planted := [3]*naiveWatch{newNaiveWatch(), newNaiveWatch(), newNaiveWatch()}
				planted[1].noArming, planted[2].onRead = true, true
				models[customer] = planted
			}
			for _, m := range models[customer] {
				m.do(s)
			}
		}
		b.persist(t, ops)
		if step%4 == 3 {
			b.reopen(t)
			b.journal.commits(faultyCommits(failing, &faults))
		}
	}
	b.journal.commits(nil)
	heard := b.heard(t)
	found := [3]bool{}
	for customer, m := range models {
		for i := range m {
			diff := cmp.Diff(m[i].news, heard[customer])
			found[i] = found[i] || diff != ""
			if i == 0 && diff != "" {
				t.Fatalf("%s (-model +journal):\n%s", customer, diff)
			}
		}
	}
	if !found[1] || !found[2] {
		t.Errorf("the planted models agree with the journal: %v", found)
	}
	if faults < 10 {
		t.Errorf("only %d faults", faults)
	}
	b.verified(t)
}

// faultyCommits fails some commits, before or after they are durable.
func faultyCommits(random *rand.Rand, faults *int) func(*engine.Commit, func() error) error {
	return func(c *engine.Commit, commit func() error) error {
		switch random.IntN(30) {
		case 0:
			*faults++
			return failBefore(c, commit)
		case 1:
			*faults++
			return failAfter(c, commit)
		}
		return commit()
	}
}

// persist does operations, again and again until all are done.
func (b *bundle) persist(t testing.TB, ops []engine.Op) {
	t.Helper()
	for part := range slices.Chunk(ops, 50) {
		for len(part) > 0 {
			var again []engine.Op
			for i, err := range b.Do(t.Context(), part...) {
				switch {
				case errors.Is(err, engine.ErrUnavailable):
					again = append(again, part[i])
				case err != nil:
					t.Fatal(err)
				}
			}
			part = again
		}
	}
}
