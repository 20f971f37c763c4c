package rival

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// floor appends events to a file. One goroutine writes and syncs; requests that arrive meanwhile share the next sync.
type floor struct {
	file *os.File
	wake chan struct{} // holds one token when open has something in it
	done chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	open   *commit // what the next sync will cover
	spare  []byte  // a buffer to reuse
	closed bool
	failed error // the first failure; nothing is taken after it
	sum    Totals
}

// commit is what one sync covers.
type commit struct {
	buffer []byte
	add    Totals
	synced chan struct{} // closed once err stands
	err    error
}

var errFloorClosed = errors.New("the file is closed")

// openFloor starts with an empty file: the floor has no memory to grow slow with.
func openFloor(dir string) (service, error) {
	file, err := os.Create(filepath.Join(dir, "floor.log"))
	if err != nil {
		return nil, err
	}
	f := &floor{file: file, wake: make(chan struct{}, 1), done: make(chan struct{}), open: newCommit(nil)}
	go f.write()
	return f, nil
}

func newCommit(buffer []byte) *commit {
	return &commit{buffer: buffer[:0], synced: make(chan struct{})}
}

// record waits until the events are synced.
func (f *floor) record(_ context.Context, body []byte) error {
	events := floorEvents.Get().(*[]span)
	defer floorEvents.Put(events)
	if err := scan(body, events); err != nil {
		return invalid{err}
	}
	c, err := f.append(*events)
	if err != nil {
		return err
	}
	<-c.synced
	return c.err
}

// floorEvents are reused: their number is that of the requests under way.
var floorEvents = sync.Pool{New: func() any { return new([]span) }}

// append puts the events into the open commit.
func (f *floor) append(events []span) (*commit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.failed != nil {
		return nil, errors.Join(errFloorClosed, f.failed)
	}
	c := f.open
	for i := range events {
		e := &events[i]
		// The length stands before each record, so that the file can be read back.
		c.buffer = binary.LittleEndian.AppendUint32(c.buffer, uint32(e.size()))
		c.buffer = e.append(c.buffer)
		c.add.Events++
		c.add.Consumed += e.units * RatePerUnit
	}
	select {
	case f.wake <- struct{}{}:
	default: // the writer already knows
	}
	return c, nil
}

// write syncs one commit after the other until close.
func (f *floor) write() {
	defer close(f.done)
	for range f.wake {
		f.mu.Lock()
		c := f.open
		f.open = newCommit(f.spare)
		f.spare = nil
		f.mu.Unlock()
		if len(c.buffer) > 0 {
			f.sync(c)
		}
	}
}

// sync makes a commit durable and answers its callers.
func (f *floor) sync(c *commit) {
	_, c.err = f.file.Write(c.buffer)
	if c.err == nil {
		c.err = syncData(f.file)
	}
	f.mu.Lock()
	if c.err != nil {
		f.failed = c.err
	} else {
		f.sum.Events += c.add.Events
		f.sum.Consumed += c.add.Consumed
	}
	f.spare = c.buffer
	f.mu.Unlock()
	close(c.synced)
}

func (f *floor) totals(context.Context) (Totals, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sum, f.failed
}

// close ends the writer after what it still has to sync.
func (f *floor) close() error {
	f.mu.Lock()
	f.closed = true
	close(f.wake)
	f.mu.Unlock()
	<-f.done
	return f.file.Close()
}
