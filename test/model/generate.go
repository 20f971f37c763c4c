package model

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Generator makes random histories. The same seed gives the same history. Values come from small sets and times from a
// coarse grid, so that priorities, expiries and boundaries collide all the time.
type Generator struct {
	rnd        *rand.Rand
	now        time.Time
	grants     []string
	made       []AddGrant
	holds      []Reserve
	events     []Command // ReportEvent and Consume
	boundaries []time.Time
	count      int
}

// pools are the wallets of a random history.
var pools = []Pool{{Currency: DefaultCurrency}, {Currency: DefaultCurrency, Resource: "R1"}}

// secondVersion is when the plan's second version is published.
var secondVersion = epoch.Add(4 * time.Hour)

// Pools lists the wallets that random histories use.
func Pools() []Pool { return pools }

// epoch is the first instant of every random history.
var epoch = time.Date(2026, 3, 30, 22, 0, 0, 0, time.UTC)

// Generate makes a history of setup commands, the same for every seed, and n random operations. allow says what the
// subject can do, nil everything: a server, for one, lets nobody create recurring grants.
func Generate(seed uint64, n int, allow func(Command) bool) (setup, operations []Command) {
	g := &Generator{rnd: rand.New(rand.NewPCG(seed, 0)), now: epoch}
	for len(operations) < n {
		if c := g.next(); allow == nil || allow(c) {
			operations = append(operations, c)
		}
	}
	return Setup(), operations
}

// step is one kind of operation with its share.
type step struct {
	share int
	make  func(*Generator) Command
}

var steps = []step{
	{18, (*Generator).clock},
	{14, (*Generator).grant},
	{15, (*Generator).event},
	{12, (*Generator).consume},
	{4, (*Generator).again},
	{4, (*Generator).void},
	{9, (*Generator).update},
	{9, (*Generator).reserve},
	{9, (*Generator).settle},
	{2, (*Generator).release},
	{6, (*Generator).reverse},
	{3, (*Generator).payment},
	{7, (*Generator).turn},
	{1, (*Generator).grace},
}

func (g *Generator) next() Command {
	total := 0
	for _, s := range steps {
		total += s.share
	}
	x := g.rnd.IntN(total)
	for _, s := range steps {
		if x < s.share {
			if c := s.make(g); c != nil {
				return c
			}
			return g.grant()
		}
		x -= s.share
	}
	panic("unreachable")
}

// chance is true that many times out of a hundred.
func (g *Generator) chance(percent int) bool { return g.rnd.IntN(100) < percent }

func pick[T any](g *Generator, list ...T) T { return list[g.rnd.IntN(len(list))] }

func (g *Generator) name(prefix string) string {
	g.count++
	return prefix + strconv.Itoa(g.count)
}

func (g *Generator) pool() Pool {
	if g.chance(80) {
		return pools[0]
	}
	return pools[1]
}

func (g *Generator) amount() string {
	return pick(g, "1", "2.5", "5", "10", "10", "20", "33.333333333", "0.000000001", "40", "100")
}

// ahead is an instant on the grid after now.
func (g *Generator) ahead() time.Time {
	grid := 30 * time.Minute
	at := g.now.Truncate(grid).Add(grid * time.Duration(1+g.rnd.IntN(8)))
	g.boundaries = append(g.boundaries, at)
	return at
}

// clock moves to a boundary, to the end of a grace after one, or a little beside them; now and then far.
func (g *Generator) clock() Command {
	to := g.now.Add(pick(g, time.Microsecond, time.Minute, 10*time.Minute, 45*time.Minute, 3*time.Hour))
	if len(g.boundaries) > 0 && g.chance(70) {
		near := pick(g, g.boundaries...).Add(pick(g, 0, 0, 0, time.Hour, time.Hour, -time.Microsecond, time.Microsecond,
			time.Hour+time.Microsecond))
		if near.After(g.now) {
			to = near
		}
	}
	if g.chance(1) {
		to = g.now.AddDate(0, 0, 32)
	}
	g.now = to
	return MoveClock{to}
}

func (g *Generator) grant() Command {
	c := g.newGrant()
	if len(g.made) > 0 && g.chance(20) {
		c = g.twin(pick(g, g.made...))
	}
	g.grants = append(g.grants, c.Ref)
	g.made = append(g.made, c)
	return c
}

// twin is a grant that only creation tells from an earlier one, as far as the burn order goes.
func (g *Generator) twin(c AddGrant) AddGrant {
	c.Ref = g.name("g")
	if c.EffectiveAt.IsZero() {
		c.EffectiveAt = g.now.Truncate(time.Hour)
	}
	if !c.ExpireAt.IsZero() && !c.ExpireAt.After(g.now) {
		c.ExpireAt = time.Time{}
	}
	return c
}

func (g *Generator) newGrant() AddGrant {
	c := AddGrant{
		Ref: g.name("g"), Pool: g.pool(), Priority: g.rnd.IntN(3),
		Amount: pick(g, "0.000000001", "5", "10", "20", "33.333333333", "40", "100", "100", "300"),
		Kind:   pick(g, Promotional, Promotional, Paid, Paid, Recurring),
	}
	if c.Kind == Paid || c.Kind == Recurring && g.chance(30) {
		c.Cost = Money{pick(g, "5", "9.99", "100"), pick(g, "usd", "usd", "jpy")}
		if c.Cost.Currency == "jpy" {
			c.Cost.Amount = pick(g, "7", "500")
		}
		c.AwaitsPayment = c.Kind == Paid && g.chance(25)
	}
	if g.chance(25) {
		c.EffectiveAt = g.ahead()
	} else if g.chance(20) {
		c.EffectiveAt = pick(g, g.now.Truncate(time.Hour).Add(-time.Hour), epoch.AddDate(0, 0, -1))
	}
	if g.chance(70) {
		c.ExpireAt = g.ahead()
	}
	return c
}

// eventTime is mostly now; else late, within and beyond any grace, just before a boundary, too old or in the future.
func (g *Generator) eventTime() time.Time {
	switch {
	case g.chance(55):
		return time.Time{}
	case g.chance(3):
		return g.now.AddDate(0, 0, -31).Add(pick(g, 0, -time.Microsecond))
	case g.chance(5):
		at := g.now.Add(5*time.Minute + pick(g, 0, time.Microsecond))
		if g.now.Before(secondVersion) && !at.Before(secondVersion) {
			return time.Time{} // a server does not know yet what will be published until then
		}
		return at
	case len(g.boundaries) > 0 && g.chance(50):
		at := pick(g, g.boundaries...).Add(pick(g, 0, -time.Microsecond, -10*time.Minute))
		if at.Before(g.now) {
			return at
		}
	}
	return g.now.Add(-time.Duration(g.rnd.IntN(180)) * time.Minute)
}

func (g *Generator) event() Command {
	c := ReportEvent{Name: pick(g, "call", "chat", "copy", "login", "noise"), Key: g.name("e"), Resource: g.pool().Resource,
		At: g.eventTime()}
	c.Dims = g.dims(c.Name)
	g.events = append(g.events, c)
	return c
}

// dims lists the dimensions of an event, sorted by key.
func (g *Generator) dims(name string) []Dim {
	n := func(key string, values ...string) Dim { return Dim{key, Number, pick(g, values...)} }
	switch name {
	case "call":
		return []Dim{n("quantity", "1", "7.25", "0", "30"), {"tier", Text, pick(g, "free", "pro", "pro")}, n("width", "3", "5", "8", "-1")}
	case "chat":
		list := []Dim{n("in", "1200", "900", "100", "15000"), {"model", Text, pick(g, "large", "small", "tiny")}}
		if g.chance(80) {
			list = append(list, n("out", "350", "7", "0", "1e3"))
		}
		return append(list, n("rebate", "0", "0", "0.1"))
	case "copy":
		return []Dim{n("bytes", "400", "700", "100", "1900", "0.5")}
	case "login":
		return []Dim{{"user", Text, pick(g, "u1", "u2", "u3", "u4", "u5")}}
	}
	return nil
}

func (g *Generator) consume() Command {
	c := Consume{Key: g.name("d"), Pool: g.pool(), Amount: g.amount(), At: g.eventTime(), Strict: g.chance(20),
		Feature: pick(g, "", "", "export")}
	g.events = append(g.events, c)
	return c
}

// again repeats an event, sometimes with another time or other content.
func (g *Generator) again() Command {
	if len(g.events) == 0 {
		return nil
	}
	switch c := pick(g, g.events...).(type) {
	case ReportEvent:
		c.At = g.eventTime()
		if g.chance(40) {
			c.Dims = g.dims(c.Name)
		}
		return c
	case Consume:
		if g.chance(40) {
			c.Amount = g.amount()
		}
		return c
	}
	return nil
}

func (g *Generator) someGrant() string {
	if len(g.grants) == 0 || g.chance(4) {
		return "OD1"
	}
	recent := g.grants[max(0, len(g.grants)-6):]
	return pick(g, recent...)
}

func (g *Generator) void() Command { return VoidGrant{g.someGrant(), g.pool()} }

func (g *Generator) update() Command {
	c := UpdateGrant{Ref: g.someGrant(), Pool: g.pool()}
	switch g.rnd.IntN(8) {
	case 0:
		p := g.rnd.IntN(3)
		c.Priority = &p
	case 1:
		at := g.ahead()
		c.ExpireAt = &at
	case 2:
		at := g.now
		c.ExpireAt = &at
	case 3:
		at := g.ahead()
		c.EffectiveAt = &at
	case 4:
		c.Cost = &Money{pick(g, "3", "20.01"), "usd"}
	default:
		a := pick(g, "1", "5", "10", "10", "30", "80")
		c.Amount = &a
	}
	return c
}

func (g *Generator) reserve() Command {
	if len(g.holds) > 0 && g.chance(8) {
		c := pick(g, g.holds...)
		if g.chance(30) {
			c.Amount = "77"
		}
		return c
	}
	c := Reserve{Ref: g.name("h"), Pool: g.pool(), Amount: g.amount(), Capture: g.chance(25), AllowOverdraft: g.chance(15)}
	if g.chance(60) {
		c.TTL = g.ahead().Sub(g.now)
	}
	g.holds = append(g.holds, c)
	return c
}

func (g *Generator) someHold() (Reserve, bool) {
	if len(g.holds) == 0 {
		return Reserve{}, false
	}
	recent := g.holds[max(0, len(g.holds)-4):]
	return pick(g, recent...), true
}

func (g *Generator) settle() Command {
	h, ok := g.someHold()
	if !ok {
		return nil
	}
	c := Settle{Ref: h.Ref, Pool: h.Pool, Amount: pick(g, h.Amount, g.amount(), g.amount(), "0"), Partial: g.chance(35)}
	if c.Partial && g.chance(60) {
		c.Extend = pick(g, g.ahead().Sub(g.now), 24*time.Hour)
	}
	return c
}

func (g *Generator) release() Command {
	h, ok := g.someHold()
	if !ok {
		return nil
	}
	return Release{h.Ref, h.Pool}
}

func (g *Generator) reverse() Command {
	if len(g.events) == 0 {
		return nil
	}
	c := Reverse{}
	switch e := pick(g, g.events[max(0, len(g.events)-8):]...).(type) {
	case ReportEvent:
		c.Name, c.Key, c.Resource = e.Name, e.Key, e.Resource
	case Consume:
		c.Key, c.Resource = e.Key, e.Pool.Resource
	}
	if g.chance(30) {
		c.Replace = g.name("r")
		g.grants = append(g.grants, c.Replace)
	}
	return c
}

func (g *Generator) payment() Command {
	ref := g.someGrant()
	if ref == "OD1" {
		return nil
	}
	if g.chance(20) {
		return FailPayment{ref}
	}
	return ConfirmPayment{ref}
}

func (g *Generator) grace() Command {
	return SetGrace{pick(g, 0, time.Hour, 2*time.Hour)}
}

// History writes commands as a scenario, one per line.
func History(commands []Command) string {
	var s string
	for _, c := range commands {
		s += fmt.Sprintln(c)
	}
	return s
}
