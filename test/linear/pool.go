package linear

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/anishathalye/porcupine"
)

// kind says what an operation asks for.
type kind uint8

const (
	consume kind = iota + 1 // strictly: all of it or nothing
	grant
	void
	reserve
	settle // ends a hold and burns a part of it
	release
	read // the balance, or an entitlement check
)

func (k kind) String() string {
	return [...]string{"", "consume", "grant", "void", "reserve", "settle", "release", "read"}[k]
}

// input is what was asked. Amounts are whole credits.
type input struct {
	pool   int
	kind   kind
	amount int64 // granted, consumed, held, settled; of a read: what is asked whether it is there
	hold   int64 // settle and release: what the hold was made with
	grant  int   // grant and void: grants burn in the order of these numbers
}

// outcome is what an answer told.
type outcome uint8

const (
	unknown outcome = iota // no answer, or one that tells nothing
	done
	refused // there was too little
)

// output is what was answered. The numbers are a read's.
type output struct {
	outcome   outcome
	balance   int64
	held      int64
	available int64 // as the answer says; it could contradict the rest
	enough    *bool // whether the amount asked about is there
}

// state is one pool. It is never changed in place.
type state struct {
	held   int64
	grants []remaining // what burns first stands first; none is empty
}

// remaining is what is left of a grant.
type remaining struct {
	grant  int
	amount int64
}

func (s state) balance() int64 {
	sum := int64(0)
	for _, g := range s.grants {
		sum += g.amount
	}
	return sum
}

func (s state) available() int64 { return s.balance() - s.held }

// step is the model of a pool: whether an operation can have had its answer in a state, and the state after it. What a
// pool holds and what it voids never meet in one pool of a run, so that it does not matter which grant a hold has pinned.
func step(s state, in input, out output) (bool, state) {
	switch in.kind {
	case read:
		return out.agrees(s, in.amount), s
	case grant:
		return true, s.granted(in.grant, in.amount)
	case void:
		return true, s.voided(in.grant)
	case settle, release:
		s.held -= in.hold
		return true, s.burned(in.amount)
	}
	enough := s.available() >= in.amount
	if out.outcome == done && !enough || out.outcome == refused && enough {
		return false, s
	}
	switch {
	case !enough:
		return true, s
	case in.kind == reserve:
		s.held += in.amount
		return true, s
	}
	return true, s.burned(in.amount)
}

func (o output) agrees(s state, asked int64) bool {
	return o.balance == s.balance() && o.held == s.held && o.available == s.available() &&
		(o.enough == nil || *o.enough == (s.available() >= asked))
}

func (s state) granted(no int, amount int64) state {
	at, _ := slices.BinarySearchFunc(s.grants, no, func(g remaining, no int) int { return cmp.Compare(g.grant, no) })
	s.grants = slices.Insert(slices.Clone(s.grants), at, remaining{no, amount})
	return s
}

func (s state) voided(no int) state {
	s.grants = slices.DeleteFunc(slices.Clone(s.grants), func(g remaining) bool { return g.grant == no })
	return s
}

func (s state) burned(amount int64) state {
	left := slices.Clone(s.grants)
	for amount > 0 {
		part := min(amount, left[0].amount)
		left[0].amount -= part
		if amount -= part; left[0].amount == 0 {
			left = left[1:]
		}
	}
	s.grants = left
	return s
}

var hashSeed = maphash.MakeSeed()

func (s state) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	maphash.WriteComparable(&h, s.held)
	for _, g := range s.grants {
		maphash.WriteComparable(&h, g)
	}
	return h.Sum64()
}

func equal(a, b state) bool { return a.held == b.held && slices.Equal(a.grants, b.grants) }

// model is what porcupine needs to know of pools.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(input), out.(output)) },
	Equal: func(a, b any) bool {
		return equal(a.(state), b.(state))
	},
	Hash: func(s any) uint64 { return s.(state).hash() },
	DescribeOperation: func(in, out any) string {
		return describe(in.(input), out.(output))
	},
	DescribeState: func(s any) string {
		pool := s.(state)
		return fmt.Sprintf("%d, %d held, grants %v", pool.balance(), pool.held, pool.grants)
	},
}

func describe(in input, out output) string {
	switch in.kind {
	case read:
		text := fmt.Sprintf("read: %d, %d held, %d available", out.balance, out.held, out.available)
		if out.enough != nil {
			text += fmt.Sprintf(", %d there: %v", in.amount, *out.enough)
		}
		return text
	case grant, void:
		return fmt.Sprintf("%v %d of grant %d", in.kind, in.amount, in.grant)
	}
	return fmt.Sprintf("%v %d: %s", in.kind, in.amount, [...]string{"unknown", "done", "refused"}[out.outcome])
}
