package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Limits of what a worker remembers, so that long runs stay small.
const (
	recentMax = 64
	holdsMax  = 16
	batchMax  = 10
)

// worker is one client of the product. What it makes it alone changes later, so that it knows what must come out.
type worker struct {
	number    int
	client    *client
	book      *book
	random    *rand.Rand
	customers []string
	mix       []choice

	serial int
	burns  []effect // events that may still be reversed
	grants []effect // that may still be voided
	holds  []effect // open
	recent []finished
}

// finished is an operation that was acknowledged, with what it did.
type finished struct {
	operation
	effects []effect
}

// choice is one kind of operation. make may decline, when there is nothing to do it with.
type choice struct {
	weight int
	make   func(*worker) (operation, bool)
}

// direct are the operations that name all they need; everything is the full mix. The others first look up what they
// change. unrefused are those to which nobody ever says no: a frozen node may act on a request when it wakes, long after
// another has refused it, and nothing is wrong with that.
var (
	direct = []choice{
		{25, (*worker).oneEvent}, {14, (*worker).batch}, {6, (*worker).quietBatch},
		{14, (*worker).consumption}, {12, (*worker).strictConsumption},
		{9, (*worker).grant}, {8, (*worker).reservation}, {8, (*worker).endOfHold},
	}
	unrefused = []choice{
		{25, (*worker).oneEvent}, {14, (*worker).batch}, {6, (*worker).quietBatch}, {14, (*worker).consumption}, {10, (*worker).lastingGrant},
	}
	everything = append([]choice{{2, (*worker).void}, {4, (*worker).reversal}}, direct...)
)

// repeatChance is how often, in 100 steps, an acknowledged request is sent once more.
const repeatChance = 6

// step does one thing and returns an error when the server broke its word.
func (w *worker) step(ctx context.Context) error {
	if len(w.recent) > 0 && w.random.IntN(100) < repeatChance {
		return w.repeat(ctx, w.recent[w.random.IntN(len(w.recent))])
	}
	op := w.choose()
	a, err := w.client.outcome(ctx, op.request)
	if err != nil {
		return err
	}
	r, err := op.accept(a)
	if err != nil {
		return brokenf("%s %s: %w", op.name, op.key, err)
	}
	if r.duplicates > 0 && !a.unknown {
		return brokenf("%s %s: a key that was never used before is a duplicate: %.300s", op.name, op.key, a.body)
	}
	w.conclude(op, a, r)
	return nil
}

// choose draws an operation by weight.
func (w *worker) choose() operation {
	total := 0
	for _, c := range w.mix {
		total += c.weight
	}
	for {
		at := w.random.IntN(total)
		for _, c := range w.mix {
			if at -= c.weight; at < 0 {
				if op, ok := c.make(w); ok {
					return op
				}
				break
			}
		}
	}
}

// conclude writes down what an answer says.
func (w *worker) conclude(op operation, a answer, r result) {
	if r.refused {
		w.book.refuse(op.name, op.key)
		return
	}
	w.book.acknowledge(op.name, r.effects)
	if a.unknown && r.duplicates > 0 {
		w.book.count("unknown outcome, had acted")
	} else if a.unknown && r.fresh > 0 {
		w.book.count("unknown outcome, had not acted")
	}
	if len(r.effects) > 0 {
		w.recent = append(w.recent, finished{op, r.effects})
		w.recent = w.recent[max(0, len(w.recent)-recentMax):]
	}
	for _, e := range r.effects {
		switch {
		case e.kind == burned && e.id != "" && len(w.burns) < recentMax:
			w.burns = append(w.burns, e)
		case e.kind == granted:
			w.grants = append(w.grants, e)
			w.grants = w.grants[max(0, len(w.grants)-recentMax):]
		case e.kind == held:
			w.holds = append(w.holds, e)
		}
	}
}

// repeat sends an acknowledged request again, as a client would that crashed after the answer. It must hear the same.
func (w *worker) repeat(ctx context.Context, done finished) error {
	a, err := w.client.outcome(ctx, done.request)
	if err != nil {
		return err
	}
	r, err := done.accept(a)
	if err != nil || r.refused {
		return brokenf("repeat of %s %s: refused %v, %v", done.name, done.key, r.refused, err)
	}
	if r.fresh > 0 || !slices.Equal(r.effects, done.effects) {
		return brokenf("repeat of %s %s: %d acted again; got %v, first %v", done.name, done.key, r.fresh, r.effects, done.effects)
	}
	w.book.count("repeat")
	return nil
}

// key makes a key that nobody has used.
func (w *worker) key() string {
	w.serial++
	return fmt.Sprintf("w%d-%d", w.number, w.serial)
}

func (w *worker) customer() string { return w.customers[w.random.IntN(len(w.customers))] }

// amount draws an amount with nine fraction digits of up to n credits.
func (w *worker) amount(n int64) credits { return 1 + credits(w.random.Int64N(n*int64(one))) }

func (w *worker) usage() usage { return usage{w.customer(), w.key(), w.random.Int64N(40)} }

func (w *worker) usages() []usage {
	usages := make([]usage, 1+w.random.IntN(batchMax))
	for i := range usages {
		usages[i] = w.usage()
	}
	return usages
}

func (w *worker) oneEvent() (operation, bool) { return reporting("event", []usage{w.usage()}), true }

func (w *worker) batch() (operation, bool) { return reporting("batch", w.usages()), true }

func (w *worker) quietBatch() (operation, bool) { return reportingQuietly(w.usages()), true }

func (w *worker) consumption() (operation, bool) {
	return consuming(w.customer(), w.key(), w.amount(5), false), true
}

func (w *worker) strictConsumption() (operation, bool) {
	return consuming(w.customer(), w.key(), w.amount(30), true), true
}

func (w *worker) grant() (operation, bool) {
	var life time.Duration
	if w.random.IntN(5) == 0 {
		life = time.Duration(1000+w.random.IntN(4000)) * time.Millisecond
	}
	return granting(w.customer(), w.key(), w.amount(180), w.random.IntN(4), life), true
}

func (w *worker) lastingGrant() (operation, bool) {
	return granting(w.customer(), w.key(), w.amount(180), w.random.IntN(4), 0), true
}

func (w *worker) void() (operation, bool) {
	grant, ok := draw(w.random, &w.grants)
	return voiding(grant), ok
}

func (w *worker) reservation() (operation, bool) {
	return reserving(w.customer(), w.key(), w.amount(40)), len(w.holds) < holdsMax
}

// endOfHold settles with less, as much or more than is held. The last digits of what it settles are its own.
func (w *worker) endOfHold() (operation, bool) {
	hold, ok := draw(w.random, &w.holds)
	if !ok {
		return operation{}, false
	}
	call := []string{"settle", "release"}[w.random.IntN(2)]
	if w.random.IntN(4) == 0 {
		return ending(hold, call, 0), true
	}
	w.serial++
	mark := credits(w.serial*100 + w.number)
	whole := credits(w.random.Int64N(int64(hold.amount/one) + 3))
	return ending(hold, call, whole*one+mark), true
}

func (w *worker) reversal() (operation, bool) {
	burn, ok := draw(w.random, &w.burns)
	return reversing(burn), ok
}

// draw takes a random effect out of a list.
func draw(random *rand.Rand, list *[]effect) (effect, bool) {
	if len(*list) == 0 {
		return effect{}, false
	}
	i := random.IntN(len(*list))
	e := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return e, true
}
