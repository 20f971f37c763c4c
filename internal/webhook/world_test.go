package webhook_test

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/internal/webhook"
)

// world is a store, a service that makes messages, receivers, and nodes that send and die. Its time is that of a synctest
// bubble.
type world struct {
	t         *testing.T
	store     *store.Store
	service   *credits.Service
	network   *network
	receivers []*receiver
	began     time.Time
	nodes     []*node                           // alive
	killed    atomic.Int64                      // when a node was killed last, in microseconds
	plant     func(credits.Store) credits.Store // wraps the store of nodes
	random    struct {
		sync.Mutex
		*rand.Rand
	}
	due map[string]map[string]bool // environment → messages
}

var environments = []string{credits.EnvironmentDevelopment, credits.EnvironmentProduction}

func newWorld(t *testing.T, plant func(credits.Store) credits.Store) *world {
	t.Helper()
	w := &world{t: t, began: time.Now(), network: &network{receivers: map[netip.Addr]*receiver{}}, plant: plant, due: map[string]map[string]bool{}}
	seed := uint64(crand.Text()[0])<<8 | uint64(crand.Text()[0])
	t.Logf("seed %d", seed)
	w.random.Rand = rand.New(rand.NewPCG(seed, 1))
	var err error
	if w.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	w.service = w.newService(w.store)
	if _, err := w.service.Bootstrap(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) newService(s credits.Store) *credits.Service {
	return w.serviceUnder(outbound.Policy{AllowPrivate: true}, s)
}

func (w *world) serviceUnder(policy outbound.Policy, s credits.Store) *credits.Service {
	vault, err := credits.NewVault(strings.Repeat("k", credits.SecretKeyMin))
	if err != nil {
		w.t.Fatal(err)
	}
	service, err := credits.New(w.t.Context(), credits.Options{
		Store: s, Random: crand.Reader, Vault: vault, Outbound: policy,
		Clock: func(string) ledger.Time { return ledger.Time(time.Now().UnixMicro()) },
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return service
}

func (w *world) close() {
	for _, r := range w.receivers {
		_ = r.server.Close()
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// latency is how long a receiver thinks.
func (w *world) latency() time.Duration { return time.Duration(1+w.below(20)) * time.Millisecond }

func (w *world) below(n int) int {
	w.random.Lock()
	defer w.random.Unlock()
	return w.random.IntN(n)
}

// addReceiver starts a receiver and makes an endpoint for it.
func (w *world) addReceiver(env, kind string) *receiver {
	n := len(w.receivers) + 1
	r := &receiver{world: w, host: fmt.Sprintf("r%d.test", n), kind: kind, env: env, listener: newPipes(), taken: map[string]int{}}
	r.server = &http.Server{Handler: r}
	go func() { _ = r.server.Serve(r.listener) }()
	w.network.mu.Lock()
	w.network.receivers[netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})] = r
	w.network.mu.Unlock()
	w.receivers = append(w.receivers, r)
	e, secret, err := w.service.CreateWebhookEndpoint(w.t.Context(), env, ledger.Actor{}, credits.NewWebhookEndpoint{
		URL: "http://" + r.host + "/hook", Types: []string{"credits.granted"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	r.endpoint, r.secret = e.ID, secret.Reveal()
	return r
}

// tell makes messages that are due, and as many that no filter selects.
func (w *world) tell(env string, count int) {
	var list []credits.NewMessage
	now := ledger.Time(time.Now().UnixMicro())
	for range count {
		list = append(list, credits.NewMessage{Type: credits.GrantGranted, Cause: uuid.NewString(), At: now, Stream: "pool", Data: map[string]int{"n": count}})
	}
	list = append(list, credits.NewMessage{Type: credits.GrantVoided, Cause: uuid.NewString(), At: now, Stream: "pool", Data: struct{}{}})
	last, err := w.service.LastMessage(w.t.Context(), env)
	if err == nil {
		err = w.store.Update(w.t.Context(), func(tx credits.Tx) error {
			return w.service.AppendMessages(w.t.Context(), tx, env, append(list, list...)...) // repeats add nothing
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range w.nodes {
		n.service.Told()
	}
	for found := 0; found < len(list); {
		added, err := w.service.MessagesAfter(w.t.Context(), env, last, 100)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range added {
			found, last = found+1, m.No
			if m.Type == credits.GrantGranted {
				if w.due[env] == nil {
					w.due[env] = map[string]bool{}
				}
				w.due[env][m.ID] = true
			}
		}
	}
}

// node is a process that sends.
type node struct {
	world   *world
	service *credits.Service
	stop    context.CancelFunc
	wire    *wire
	client  *outbound.Client
	store   *mortal
	ended   chan struct{}
}

// start begins a node.
func (w *world) start(name string) *node {
	n := &node{world: w, wire: &wire{network: w.network}, store: &mortal{Store: w.store}, ended: make(chan struct{})}
	n.client = outbound.NewClient(outbound.Options{Policy: outbound.Policy{AllowPrivate: true}, Resolver: w.network, Connect: n.wire.connect})
	var seen credits.Store = n.store
	if w.plant != nil {
		seen = w.plant(n.store)
	}
	n.service = w.newService(seen)
	sender := webhook.NewSender(webhook.Options{Credits: n.service, Client: n.client, Now: time.Now, Name: name, Poll: time.Hour})
	ctx, stop := context.WithCancel(w.t.Context())
	n.stop = stop
	w.nodes = append(w.nodes, n)
	go func() {
		defer close(n.ended)
		sender.Run(ctx)
	}()
	return n
}

// kill ends the node as a power cut does: from one moment on nothing of it reaches anyone.
func (n *node) kill() {
	n.leave()
	n.world.killed.Store(time.Now().UnixMicro())
	n.store.dead.Store(true)
	n.wire.kill()
	n.stop()
	<-n.ended
	n.client.Close()
}

func (n *node) leave() {
	n.world.nodes = slices.DeleteFunc(n.world.nodes, func(other *node) bool { return other == n })
}

// drain ends the node as SIGTERM does.
func (n *node) drain() {
	n.leave()
	n.stop()
	<-n.ended
	n.wire.kill()
	n.client.Close()
}

// mortal is a store of which a dead node cannot reach anything. Other nodes write to the same one.
type mortal struct {
	credits.Store
	dead atomic.Bool
}

var errDead = errors.New("the node is dead")

func (m *mortal) Shared() bool { return true }

func (m *mortal) Update(ctx context.Context, fn func(credits.Tx) error) error {
	return m.Store.Update(ctx, func(tx credits.Tx) error {
		if m.dead.Load() {
			return errDead
		}
		if err := fn(tx); err != nil || !m.dead.Load() {
			return err
		}
		return errDead
	})
}
