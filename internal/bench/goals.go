package bench

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// Goal is one figure that was promised, and what became of it.
type Goal struct {
	Name    string  `json:"name"`
	Reached float64 `json:"reached"`
	Pass    float64 `json:"pass"` // the least, or with Below the most, that is good enough
	Aim     float64 `json:"aim"`
	Unit    string  `json:"unit"`
	Below   bool    `json:"smallerIsBetter"`
}

// Verdict answers "missed", "pass" or "aim".
func (g Goal) Verdict() string {
	reaches := func(limit float64) bool { return g.Reached >= limit }
	if g.Below {
		reaches = func(limit float64) bool { return g.Reached <= limit }
	}
	switch {
	case reaches(g.Aim):
		return "aim"
	case reaches(g.Pass):
		return "pass"
	}
	return "missed"
}

// The cells that goals are about.
var (
	single  = Cell{64, 1}
	batch   = Cell{8, 100}
	largest = Cell{4, 1000}
)

// poolsMin is how many pools it takes to see one of them in the memory of a process.
const poolsMin = 5000

// goals answers those that the run measured. The project sets them for two cores.
func (r *Report) goals() []Goal {
	all := r.sizeGoals()
	if len(r.Stages) == 0 {
		return all
	}
	all = append(all, r.speedGoals()...)
	all = append(all, r.growthGoals()...)
	all = append(all, r.latencyGoals()...)
	if m := r.Memory; m != nil && m.Server == Scrip {
		all = append(all, Goal{"memory, idle", float64(m.Idle) / 1e6, 100, 100, "MB", true})
		if m.Pools >= poolsMin && m.PerPoolLiveHeap > 0 {
			all = append(all, Goal{"memory for a loaded pool", m.PerPoolLiveHeap, 1000, 1000, "bytes", true})
		}
	}
	return all
}

// speedLimits are what differs between databases.
type speedLimits struct {
	sustainedCells          []Cell
	sustained, sustainedAim float64 // events per second
	times, timesAim         float64 // the usual service, in batches
}

var (
	sqliteLimits   = speedLimits{[]Cell{largest}, 120_000, 150_000, 15, 40}
	postgresLimits = speedLimits{[]Cell{batch, largest}, 80_000, 120_000, 50, 100}
)

// speedGoals are about events per second, alone and beside the rivals.
func (r *Report) speedGoals() []Goal {
	empty := &r.Stages[0]
	var all []Goal
	limits := sqliteLimits
	if r.Machine.onPostgres() {
		limits = postgresLimits
	}
	if s := r.Sustained; s != nil && s.Server == Scrip && slices.Contains(limits.sustainedCells, s.Cell) {
		all = append(all, Goal{"sustained, " + s.Cell.String(), s.EventsPerSecond, limits.sustained, limits.sustainedAim, "events/s", false})
	}
	beside := func(name, other string, c Cell, pass, aim float64) {
		if reached := ratio(empty.rate(Scrip, c), empty.rate(other, c)); reached > 0 {
			all = append(all, Goal{name + ", " + c.String(), reached, pass, aim, "times", false})
		}
	}
	beside("against the usual service", rival.Usual, single, 6, 10)
	for _, c := range []Cell{batch, largest} {
		beside("against the usual service", rival.Usual, c, limits.times, limits.timesAim)
		beside("against the stored function", rival.Function, c, 10, 20)
	}
	beside("share of the floor", rival.Floor, batch, 0.25, 0.4)
	return append(all, r.nodeGoals()...)
}

// nodeGoals compare several nodes that share a database with one. Without routing every node meets the others in every
// shard.
func (r *Report) nodeGoals() []Goal {
	empty := &r.Stages[0]
	var all []Goal
	for _, f := range empty.Figures {
		line := lineUpOf(f.Server)
		reached := ratio(f.Median.EventsPerSecond, empty.rate(Scrip, f.Cell))
		if line.server != Scrip || line.nodes == 1 || reached == 0 || !slices.Contains([]Cell{batch, largest}, f.Cell) {
			continue
		}
		limit := 0.6
		if line.routed {
			limit = 0.95
		}
		all = append(all, Goal{f.Server + " against one node, " + f.Cell.String(), reached, limit, limit, "times", false})
	}
	return all
}

// growthGoals compare the preloaded stage with the empty one.
func (r *Report) growthGoals() []Goal {
	if len(r.Stages) < 2 {
		return nil
	}
	var all []Goal
	for _, f := range r.Stages[1].Figures {
		if reached := ratio(f.Median.EventsPerSecond, r.Stages[0].rate(f.Server, f.Cell)); f.Server == Scrip && reached > 0 {
			all = append(all, Goal{"preloaded against empty, " + f.Cell.String(), reached, 0.8, 0.8, "times", false})
		}
	}
	return all
}

// latencyGoals are about waiting.
func (r *Report) latencyGoals() []Goal {
	var all []Goal
	for _, h := range r.OpenLoop {
		if h.Server == Scrip && h.Asked == half {
			all = append(all,
				Goal{"half load, p99, " + h.Cell.String(), h.P99, 10, 5, "ms", true},
				Goal{"half load, maximum, " + h.Cell.String(), h.Max, 50, 30, "ms", true})
		}
	}
	for _, c := range r.Checks {
		if c.Server == Scrip {
			all = append(all, Goal{"entitlement check, p99, beside " + c.Beside, c.P99, 1, 1, "ms", true})
		}
	}
	return all
}
