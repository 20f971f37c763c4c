package webhook_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
	"github.com/scrip-dev/scrip/internal/webhook"
)

// hear serves one message over TLS from a world of the strict policy, and returns it as the receiver got it.
func hear(t *testing.T, w *world, service *credits.Service) (header http.Header, body []byte) {
	t.Helper()
	got := make(chan *http.Request, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		got <- r
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // which is that of example.com
	client := outbound.NewClient(outbound.Options{
		Roots: roots, Resolver: &outside{first: []netip.Addr{netip.MustParseAddr("93.184.216.34")}},
		Connect: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
	})
	defer client.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		webhook.NewSender(webhook.Options{Credits: service, Client: client, Now: time.Now, Name: "a"}).Run(ctx)
	}()
	r := <-got
	stop()
	<-ended
	return r.Header, body
}

func TestSignature(t *testing.T) {
	// What arrives over TLS is accepted by the public library under both secrets of a rotation and under no other, and not when
	// a byte is changed; the plain header is there as it was chosen.
	t.Parallel()
	w := newWorld(t, nil)
	defer w.close()
	service := w.serviceUnder(outbound.Policy{}, w.store)
	e, first, err := service.CreateWebhookEndpoint(t.Context(), environments[0], ledger.Actor{}, credits.NewWebhookEndpoint{
		URL: "https://example.com/hook", Header: credits.SecretHeader{Name: "X-Plain", Value: credits.NewSecret("0123456789")}})
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := service.RotateWebhookSecret(t.Context(), environments[0], ledger.Actor{}, e.ID, credits.RotationDefault)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.SendTestMessage(t.Context(), environments[0], ledger.Actor{}, "credits.granted", e.ID); err != nil {
		t.Fatal(err)
	}
	header, body := hear(t, w, service)
	verify := func(secret string, body []byte) error {
		library, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return library.Verify(body, header)
	}
	if err := verify(first.Reveal(), body); err != nil {
		t.Errorf("under the first secret: %v", err)
	}
	if err := verify(second.Reveal(), body); err != nil {
		t.Errorf("under the second secret: %v", err)
	}
	if verify("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", body) == nil || verify(first.Reveal(), append([]byte(" "), body...)) == nil {
		t.Error("another secret or another body is accepted")
	}
	if header.Get("X-Plain") != "0123456789" || header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", header)
	}
}
