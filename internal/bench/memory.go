package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// calm is how long a server is left alone before its memory is read.
const calm = 2 * time.Second

// memory compares a server without customers with this one, whose pools have each been used.
func (e *entrant) memory(ctx context.Context) error {
	m := &Memory{Server: e.name, Pools: e.Customers}
	var err error
	if m.Idle, m.IdleHeap, err = e.blank(ctx); err != nil {
		return err
	}
	m.Loaded, m.LoadedHeap = footprint(ctx, e.group)
	m.PerPool = float64(m.Loaded-m.Idle) / float64(m.Pools)
	if m.IdleHeap > 0 && m.LoadedHeap > 0 {
		m.PerPoolLiveHeap = float64(m.LoadedHeap-m.IdleHeap) / float64(m.Pools)
	}
	e.report.Memory = m
	e.say("memory: idle %s, with %d pools loaded %s", megabytes(m.Idle), m.Pools, megabytes(m.Loaded))
	return nil
}

// blank answers the footprint of the server on an empty place.
func (e *entrant) blank(ctx context.Context) (resident, heap int64, err error) {
	const name = "blank"
	defer func() { err = errors.Join(err, e.places.remove(ctx, name)) }()
	place, err := e.places.fresh(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	server, err := e.Start(ctx, e.name, place)
	if err != nil {
		return 0, 0, err
	}
	resident, heap = footprint(ctx, group{[]*Server{server}, e.DatabasePID})
	return resident, heap, server.Stop(ctx)
}

// footprint answers the resident memory and the live heap of a server that has calmed down, each 0 when it is not known.
func footprint(ctx context.Context, g group) (resident, heap int64) {
	s := g.first()
	if s.PID == 0 {
		return 0, 0
	}
	g.settle(ctx)
	pause(ctx, calm)
	return residentBytes(s.PID), liveHeap(ctx, s)
}

// liveHeap reads from the server's metrics how much was live when it last collected garbage.
func liveHeap(ctx context.Context, s *Server) int64 {
	c, err := dial(ctx, s.Address)
	if err != nil {
		return 0
	}
	defer c.Close()
	status, text, err := c.do("GET", "/metrics", nil)
	if err != nil || status != 200 {
		return 0
	}
	return liveIn(text)
}

// liveIn finds the live heap in metrics. Go collects garbage again when the heap is twice that, which is what it tells.
func liveIn(metrics []byte) int64 {
	_, rest, found := bytes.Cut(metrics, []byte("\ngo_memstats_next_gc_bytes "))
	if !found {
		return 0
	}
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	next, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return 0
	}
	return int64(next / 2)
}

// megabytes prints a size.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
