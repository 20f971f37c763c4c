package served

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// WorldOptions says how a world is driven.
type WorldOptions struct {
	Lazy    bool   // what is due is left to whoever touches a pool next; otherwise moving the clock sweeps
	Hand    bool   // the clock is moved as testers do: the wall clock stands still, and clock/advance moves the test clock
	Restart int    // the server is restarted after so many commands, again and again; 0 never
	Base    string // address at which the server listens; empty calls its handler
}

// World is one customer on a server. It implements model.Subject.
type World struct {
	client
	options WorldOptions
	env     string
	clock   *worldClock

	story     []model.Command // the catalogue as told before anything happened
	built     bool
	commands  int
	began     time.Time // the month in which the story begins
	now       time.Time
	published []int // by version of the plan on the server, less one: the story's version
	pending   []model.PublishPlan
	softMade  bool
	quotes    int
	turns     int
	offered   bool
	features  map[string]bool

	mu     sync.Mutex // guards what follows: reservations may be made at once
	grants map[string]grantRef
	names  map[string]string // of grants, by id
	events map[eventKey]*event
	keys   map[string]string // of events, by id
	holds  map[holdKey]model.Hold
}

// grantRef is a grant that the story has named.
type grantRef struct {
	id   string
	pool model.Pool
}

// The one customer and the names that the story does not give.
const (
	customer = "customer"
	product  = "product"
	plan     = "plan"
)

// NewWorld opens an empty world in a new environment.
func (s *Server) NewWorld(o WorldOptions) (*World, error) {
	env, key, clock, err := s.newEnvironment()
	if err != nil {
		return nil, err
	}
	w := &World{
		client: client{server: s, key: key, base: o.Base}, options: o, env: env, clock: clock,
		features: map[string]bool{}, grants: map[string]grantRef{}, names: map[string]string{},
		events: map[eventKey]*event{}, keys: map[string]string{}, holds: map[holdKey]model.Hold{},
	}
	clock.grace.Store(time.Hour.Microseconds())
	clock.now.Store(int64(installedAt))
	return w, nil
}

// Do implements model.Subject.
func (w *World) Do(c model.Command) model.Outcome {
	switch c := c.(type) {
	case model.SetGrace:
		w.clock.grace.Store(c.Grace.Microseconds())
		return model.Outcome{}
	case model.Reserve: // may come from several goroutines, after the world was built
		w.build()
		return w.reserve(c)
	case model.DefineFeature, model.PublishPlan, model.Subscribe, model.MoveClock:
		if !w.built && !w.opens(c) {
			return model.Outcome{}
		}
	}
	w.build()
	w.restart()
	return w.dispatch(c)
}

// opens notes what the story tells before anything happens, and says whether the world has to be opened first.
func (w *World) opens(c model.Command) bool {
	if clock, ok := c.(model.MoveClock); ok {
		if !w.now.IsZero() {
			return true
		}
		w.now, w.began = clock.To, monthStart(clock.To)
	}
	w.story = append(w.story, c)
	return false
}

func (w *World) dispatch(c model.Command) model.Outcome {
	switch c := c.(type) {
	case model.MoveClock:
		w.moveClock(c.To)
	case model.DefineFeature:
		w.defineFeature(c)
	case model.AddGrant:
		return w.addGrant(c)
	case model.Turn:
		return w.boundary(c)
	case model.VoidGrant:
		return w.void(c)
	case model.UpdateGrant:
		return w.update(c)
	case model.ConfirmPayment:
		return w.payment(c.Ref, ledger.PaymentPaid)
	case model.FailPayment:
		return w.payment(c.Ref, ledger.PaymentFailed)
	case model.ReportEvent:
		return w.report(c)
	case model.Consume:
		return w.consume(c)
	case model.Reverse:
		return w.reverse(c)
	case model.Settle:
		return w.settle(c)
	case model.Release:
		return w.release(c)
	case model.QuoteTopUp:
		return w.quote(c)
	default:
		return w.sells(c)
	}
	return model.Outcome{}
}

// restart closes and opens the server when it is time to.
func (w *World) restart() {
	w.commands++
	if w.options.Restart == 0 || w.commands%w.options.Restart != 0 {
		return
	}
	if err := w.server.Restart(); err != nil {
		panic(fmt.Sprintf("restart: %v", err))
	}
}

// moveClock moves on, stopping where a version of the plan comes into force.
func (w *World) moveClock(to time.Time) {
	for len(w.pending) > 0 && !w.pending[0].From.After(to) {
		next := w.pending[0]
		w.pending = w.pending[1:]
		w.setClock(next.From)
		w.publish(next)
	}
	w.setClock(to)
}

func (w *World) setClock(to time.Time) {
	w.now = to
	if w.began.IsZero() {
		w.began = monthStart(to)
	}
	w.put(to)
	if w.options.Lazy || w.options.Hand {
		return
	}
	if _, err := w.server.service.Sweep(context.Background(), w.env); err != nil {
		panic(fmt.Sprintf("sweep: %v", err))
	}
}

// put moves the clock, and with a test clock also does what is due on the way.
func (w *World) put(to time.Time) {
	if !w.options.Hand {
		w.clock.now.Store(to.UnixMicro())
		return
	}
	var moved struct{ Reached bool }
	w.must("POST", "/api/v1/clock/advance", object{"to": instant(to), "hold": true}, &moved)
	if !moved.Reached {
		panic(fmt.Sprintf("the clock was not moved to %s", to))
	}
}

// refused is an outcome that says why.
func refused(r *refusal) model.Outcome {
	if r == nil {
		return model.Outcome{}
	}
	return model.Outcome{Refused: r.Code}
}

// pool names a pool in a request.
func (w *World) pool(p model.Pool) object {
	o := object{"customerId": customer, "currencyId": p.Currency}
	if p.Resource != "" {
		o["resourceId"] = p.Resource
	}
	return o
}
