package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cell is a shape of load: so many clients, each sending so many events in a request, again as soon as it has its answer.
type Cell struct {
	Clients int `json:"clients"`
	Events  int `json:"eventsPerRequest"`
}

// Cells are the shapes that are measured unless told otherwise, from single events to the largest batch.
var Cells = []Cell{{64, 1}, {16, 10}, {8, 100}, {4, 1000}}

func (c Cell) String() string { return fmt.Sprintf("%d × %d", c.Clients, c.Events) }

// The most clients and events of a cell: more clients than connections a test machine allows, and the product's own limit.
const (
	clientsMax = 4096
	eventsMax  = 1000
)

// ParseCell reads "64x1".
func ParseCell(text string) (Cell, error) {
	clients, events, _ := strings.Cut(text, "x")
	var c Cell
	var errClients, errEvents error
	c.Clients, errClients = strconv.Atoi(clients)
	c.Events, errEvents = strconv.Atoi(events)
	if errClients != nil || errEvents != nil || c.Clients < 1 || c.Clients > clientsMax || c.Events < 1 || c.Events > eventsMax {
		return Cell{}, fmt.Errorf("%q is no cell; write clients x events, for example 8x100", text)
	}
	return c, nil
}

// Report is everything a run found out. A part that was not measured is empty.
type Report struct {
	Machine   Machine    `json:"machine"`
	StartedAt time.Time  `json:"startedAt"`
	Seed      uint64     `json:"seed"`
	Customers int        `json:"customers"`
	Rounds    int        `json:"rounds"`
	Seconds   float64    `json:"secondsPerCell"`
	Servers   []string   `json:"servers"`
	Stages    []Stage    `json:"stages"`
	Sustained *Sustained `json:"sustained,omitempty"`
	OpenLoop  []OpenLoop `json:"openLoop,omitempty"`
	Checks    []Check    `json:"entitlementChecks,omitempty"`
	Memory    *Memory    `json:"memory,omitempty"`
	Growth    []Growth   `json:"growth,omitempty"`
	Goals     []Goal     `json:"goals,omitempty"`
}

// Empty reports whether nothing was measured.
func (r *Report) Empty() bool { return len(r.Stages) == 0 && len(r.Growth) == 0 }

// Stage is one pass over all cells, on servers that started with the same number of events.
type Stage struct {
	Preloaded int       `json:"preloadedEvents"`
	Figures   []Figures `json:"figures"`
}

// Figures are those of one server in one cell.
type Figures struct {
	Server string    `json:"server"`
	Cell   Cell      `json:"cell"`
	Rounds []Measure `json:"rounds"`
	// Median has the median over the rounds in each member, but the largest of their maxima.
	Median Measure `json:"median"`
}

// Measure is one round.
type Measure struct {
	EventsPerSecond float64 `json:"eventsPerSecond"`
	Latency
	Requests        int     `json:"requests"`
	Refused         int     `json:"refused,omitempty"`          // answers of several nodes that told to try again later
	ServerMicros    float64 `json:"serverCPUMicrosPerEvent"`    // processor time of the server; 0 when unknown
	GeneratorMicros float64 `json:"generatorCPUMicrosPerEvent"` // and of the load generator
}

// Sustained is one long run of the largest batches.
type Sustained struct {
	Server  string  `json:"server"`
	Cell    Cell    `json:"cell"`
	Seconds float64 `json:"seconds"`
	Measure
	SlowestTenth float64 `json:"slowestTenthEventsPerSecond"` // the rate in the slowest of ten equal parts
}

// OpenLoop is a fixed rate at which requests arrive, however long the server takes for them.
type OpenLoop struct {
	Server          string  `json:"server"`
	Cell            Cell    `json:"cell"`
	Asked           float64 `json:"asked"` // up to 1 a share of what the cell reached in the rounds, else events a second
	EventsPerSecond float64 `json:"offeredEventsPerSecond"`
	Latency
}

// Check is how long entitlement checks took.
type Check struct {
	Server    string  `json:"server"`
	Beside    string  `json:"beside"` // what else the server was doing
	PerSecond float64 `json:"perSecond"`
	Latency
}

// Memory is what the server holds, in bytes. The heap figures are what was live when it last collected garbage.
type Memory struct {
	Server          string  `json:"server"`
	Idle            int64   `json:"idleResident"` // no customers
	Loaded          int64   `json:"loadedResident"`
	FewerPools      int     `json:"fewerPools"` // of another server; the figures for a pool are what the difference costs
	Fewer           int64   `json:"fewerResident"`
	FewerHeap       int64   `json:"fewerLiveHeap,omitempty"`
	LoadedHeap      int64   `json:"loadedLiveHeap,omitempty"`
	Pools           int     `json:"pools"`
	PerPool         float64 `json:"residentPerPool"` // with its customer, subscription, grants and one key
	PerPoolLiveHeap float64 `json:"liveHeapPerPool,omitempty"`
}

// find answers the figures of a server in a cell, or nil.
func (s *Stage) find(server string, c Cell) *Figures {
	for i := range s.Figures {
		if f := &s.Figures[i]; f.Server == server && f.Cell == c {
			return f
		}
	}
	return nil
}

// rate answers the events per second of a server in a cell, or 0 when it was not measured.
func (s *Stage) rate(server string, c Cell) float64 {
	if f := s.find(server, c); f != nil {
		return f.Median.EventsPerSecond
	}
	return 0
}

// add puts a measured round where it belongs.
func (s *Stage) add(server string, c Cell, m Measure) {
	f := s.find(server, c)
	if f == nil {
		s.Figures = append(s.Figures, Figures{Server: server, Cell: c})
		f = &s.Figures[len(s.Figures)-1]
	}
	f.Rounds = append(f.Rounds, m)
	f.Median = Measure{
		EventsPerSecond: medianOf(f.Rounds, func(m Measure) float64 { return m.EventsPerSecond }),
		Latency: Latency{
			P50:  medianOf(f.Rounds, func(m Measure) float64 { return m.P50 }),
			P99:  medianOf(f.Rounds, func(m Measure) float64 { return m.P99 }),
			P999: medianOf(f.Rounds, func(m Measure) float64 { return m.P999 }),
			Max:  max(f.Median.Max, m.Max),
		},
		Requests:        f.Median.Requests + m.Requests,
		Refused:         f.Median.Refused + m.Refused,
		ServerMicros:    medianOf(f.Rounds, func(m Measure) float64 { return m.ServerMicros }),
		GeneratorMicros: medianOf(f.Rounds, func(m Measure) float64 { return m.GeneratorMicros }),
	}
}

// measureOf makes a round of what a phase brought.
func measureOf(r result, c Cell, length time.Duration) Measure {
	events := float64(len(r.samples) * c.Events)
	return Measure{
		EventsPerSecond: events / length.Seconds(),
		Latency:         latencyOf(r.samples),
		Requests:        len(r.samples),
		Refused:         r.refused,
		ServerMicros:    ratio(float64(r.cpu.server.Microseconds()), events),
		GeneratorMicros: ratio(float64(r.cpu.generator.Microseconds()), events),
	}
}
