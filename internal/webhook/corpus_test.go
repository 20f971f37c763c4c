package webhook_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
	"github.com/scrip-dev/scrip/internal/webhook"
)

// outside is the world of addresses: a name server that a test instructs, and a listener on every address there is, which
// notes who was touched.
type outside struct {
	mu      sync.Mutex
	first   []netip.Addr
	later   []netip.Addr // from the second answer on, if any
	asked   int
	touched []netip.AddrPort
}

func (o *outside) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	found := o.first
	if o.asked > 1 && o.later != nil {
		found = o.later
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return append([]netip.Addr{}, found...), nil
}

func (o *outside) connect(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.touched = append(o.touched, to)
	return nil, syscall.ECONNRESET
}

// instruct prepares for one line of the corpus.
func (o *outside) instruct(answers string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.first, o.later, o.asked, o.touched = nil, nil, 0, nil
	before, after, _ := strings.Cut(answers, ">")
	for _, a := range strings.Fields(before) {
		o.first = append(o.first, netip.MustParseAddr(a))
	}
	for _, a := range strings.Fields(after) {
		o.later = append(o.later, netip.MustParseAddr(a))
	}
}

// wrong lists what was touched and must not be.
func (o *outside) wrong() (list []netip.AddrPort, all int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.touched {
		if (outbound.Policy{}).CheckAddress(a.Addr()) != nil {
			list = append(list, a)
		}
	}
	return list, len(o.touched)
}

func TestAddressesOfTheCorpus(t *testing.T) {
	// No address of the corpus leads to a forbidden one, by registration, by a change, by a test message or by a delivery and
	// its retries, also when the endpoint was registered while private addresses were allowed.
	t.Parallel()
	text, err := os.ReadFile("../outbound/testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		c := &corpusWorld{world: w, outside: &outside{}, strict: w.serviceUnder(outbound.Policy{}, w.store)}
		client := outbound.NewClient(outbound.Options{Resolver: c.outside, Connect: c.outside.connect, Own: func() ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("93.184.216.99")}, nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		sender := webhook.NewSender(webhook.Options{Credits: c.strict, Client: client, Now: time.Now, Name: "a", Poll: time.Hour})
		go func() { defer close(ended); sender.Run(ctx) }()
		for line := range strings.Lines(string(text)) {
			if fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(fields) > 1 {
				url, err := strconv.Unquote(`"` + strings.ReplaceAll(fields[1], `"`, `\"`) + `"`)
				if err != nil {
					t.Fatal(err)
				}
				c.try(fields[0], url, strings.Join(fields[2:], ""))
			}
		}
		stop()
		<-ended
		t.Logf("%d addresses registered, %d refused, %d served in spite of their registration, %d connections", c.registered, c.refused, c.smuggled, c.connections)
		if c.registered < 40 || c.refused < 150 || c.smuggled < 20 || c.connections < 15 {
			t.Error("the corpus does not reach what it is for")
		}
	})
}

// corpusWorld tries addresses.
type corpusWorld struct {
	*world
	*outside
	strict *credits.Service

	registered, refused, smuggled, connections int
}

func (c *corpusWorld) try(verdict, url, answers string) {
	c.instruct(answers)
	e, _, err := c.strict.CreateWebhookEndpoint(c.t.Context(), environments[0], ledger.Actor{}, credits.NewWebhookEndpoint{URL: url})
	var refused *credits.Error
	if errors.As(err, &refused) != (verdict == "url") {
		c.t.Errorf("%s %q is registered: %v", verdict, url, err)
		return
	}
	if err != nil {
		c.refused++
		if e, _, err = c.service.CreateWebhookEndpoint(c.t.Context(), environments[0], ledger.Actor{}, credits.NewWebhookEndpoint{URL: url}); err != nil {
			return // not even in development
		}
		c.smuggled++
	} else {
		c.registered++
	}
	c.deliver(verdict, url, e)
}

// deliver sends a test and a message to an endpoint, with all their retries, and looks who was touched.
func (c *corpusWorld) deliver(verdict, url string, e *credits.WebhookEndpoint) {
	if _, err := c.strict.SendTestMessage(c.t.Context(), environments[0], ledger.Actor{}, "credits.granted", e.ID); err != nil {
		c.t.Fatal(err)
	}
	c.tell(environments[0], 1)
	c.strict.Told()
	time.Sleep(time.Hour)
	wrong, all := c.wrong()
	c.connections += all
	if len(wrong) > 0 || (all == 0) != (verdict == "url" || verdict == "connect") {
		c.t.Errorf("%s %q: %d connections, to forbidden addresses %v", verdict, url, all, wrong)
	}
	detail, err := c.strict.Deliveries(c.t.Context(), environments[0], credits.DeliveryFilter{Endpoint: e.ID, State: credits.DeliveryPending}, credits.Page{})
	if err != nil || len(detail.Items) < 3 || detail.Items[0].Attempts < 3 {
		c.t.Errorf("%s %q: %d deliveries wait (%v)", verdict, url, len(detail.Items), err)
	}
	if _, err := c.strict.DeleteWebhookEndpoint(c.t.Context(), environments[0], ledger.Actor{}, e.ID); err != nil {
		c.t.Fatal(err)
	}
}
