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

// fewerPools is by how much fewer pools the server has that this one is compared with.
const fewerPools = 10

// memory compares a server with a tenth of the pools with this one; all pools have been used. What every server has, whatever
// its pools, falls out of the difference.
func (e *entrant) memory(ctx context.Context) error {
	m := &Memory{Server: e.name, Pools: e.Customers, FewerPools: e.Customers / fewerPools}
	var err error
	if m.Idle, _, err = e.sibling(ctx, 0); err != nil {
		return err
	}
	if m.Fewer, m.FewerHeap, err = e.sibling(ctx, m.FewerPools); err != nil {
		return err
	}
	m.Loaded, m.LoadedHeap = footprint(ctx, e.group)
	pools := float64(m.Pools - m.FewerPools)
	m.PerPool = float64(m.Loaded-m.Fewer) / pools
	if m.FewerHeap > 0 && m.LoadedHeap > 0 {
		m.PerPoolLiveHeap = float64(m.LoadedHeap-m.FewerHeap) / pools
	}
	e.report.Memory = m
	e.say("memory: idle %s, with %d pools loaded %s", megabytes(m.Idle), m.Pools, megabytes(m.Loaded))
	return nil
}

// sibling answers the footprint of another server like this one, with so many customers.
func (e *entrant) sibling(ctx context.Context, customers int) (resident, heap int64, err error) {
	const name = "sibling"
	defer func() { err = errors.Join(err, e.places.remove(ctx, name)) }()
	place, err := e.places.fresh(ctx, name)
	if err == nil && customers > 0 {
		_, err = e.subjects[e.name].prepare(ctx, place, content{customers: customers})
	}
	if err != nil {
		return 0, 0, err
	}
	server, err := e.Start(ctx, e.name, place)
	if err != nil {
		return 0, 0, err
	}
	other := &entrant{run: e.run, name: e.name, group: group{[]*Server{server}, e.DatabasePID}}
	if err = other.touch(ctx, customers); err == nil {
		resident, heap = footprint(ctx, other.group)
	}
	return resident, heap, errors.Join(err, server.Stop(ctx))
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
