package linear

import (
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// never is when an operation returns that got no answer.
const never = math.MaxInt64

// history is what clients did to the pools of one round. All of them use one clock.
type history struct {
	began time.Time
	mu    sync.Mutex
	pools [][]porcupine.Operation
}

func newHistory(pools int) *history {
	return &history{began: time.Now(), pools: make([][]porcupine.Operation, pools)}
}

// now is the time in the history.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// add writes down an operation. One that is open has no answer, and never returned.
func (h *history) add(client int, in input, out output, called, returned int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pools[in.pool] = append(h.pools[in.pool], porcupine.Operation{
		ClientId: client, Input: in, Output: out, Call: called, Return: returned,
	})
}

// checkMax is how long porcupine may look for the order of one pool.
const checkMax = 20 * time.Second

// check looks for an order of each pool's operations, and returns an error that names the first pool without one.
func (h *history) check() error {
	for pool, operations := range h.pools {
		result, info := porcupine.CheckOperationsVerbose(model, operations, checkMax)
		if result == porcupine.Ok {
			continue
		}
		return fmt.Errorf("pool %d: %w", pool, unordered{result, len(operations), draw(info)})
	}
	return nil
}

// unordered is the error of a history that no order explains.
type unordered struct {
	result     porcupine.CheckResult
	operations int
	drawing    string
}

func (u unordered) Error() string {
	return fmt.Sprintf("%d operations have no order (%s); drawn in %s", u.operations, u.result, u.drawing)
}

// draw saves the picture of a history and says where.
func draw(info porcupine.LinearizationInfo) string {
	file, err := os.CreateTemp("", "scrip-linear-*.html")
	if err == nil {
		err = porcupine.Visualize(model, info, file)
	}
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	return file.Name()
}

// size is how many operations there are, and how many of them are open.
func (h *history) size() (operations, open int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, pool := range h.pools {
		operations += len(pool)
		for i := range pool {
			if pool[i].Return == never {
				open++
			}
		}
	}
	return operations, open
}
