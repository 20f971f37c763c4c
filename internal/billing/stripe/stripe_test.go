package stripe_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/stripe"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// mock is a running stripe-mock, which refuses what Stripe's own description of its API does not know, behind a recorder.
type mock struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // method, path, idempotency key, form, status
}

// startMock builds stripe-mock and starts it on a free port.
func startMock(t *testing.T) *mock {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/stripe/stripe-mock")
	build.Dir = filepath.Join("..", "..", "..", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build stripe-mock: %v\n%s", err, out)
	}
	port := freePort(t)
	server := exec.CommandContext(t.Context(), program, "-http-port", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	waitFor(t, "127.0.0.1:"+port)
	target := &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
	m := &mock{}
	m.Server = httptest.NewServer(m.recorder(httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(m.Close)
	return m
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func waitFor(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nobody answers at %s", address)
}

// recorder notes what passes.
func (m *mock) recorder(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		form, _ := url.QueryUnescape(string(body))
		m.mu.Lock()
		m.requests = append(m.requests, fmt.Sprintf("%s %s [%s] %s → %d", r.Method, r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), form, rec.Code))
		m.mu.Unlock()
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// take returns what passed since the last call. Everything must have been accepted.
func (m *mock) take(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	text := strings.Join(m.requests, "\n")
	for _, r := range m.requests {
		if !strings.HasSuffix(r, "→ 200") {
			t.Errorf("not accepted: %s", r)
		}
	}
	m.requests = nil
	return text
}

func work(method, paymentMethod string) *credits.Work {
	return &credits.Work{
		Attempt: &credits.PaymentAttempt{ID: "pay_7", Customer: "ann", CreditType: "tokens", Credits: amount.FromInt(500), Method: method,
			Cost: ledger.Money{Amount: amount.FromInt(50), Currency: "usd"}, PaymentMethod: paymentMethod, DaysUntilDue: 30},
		Order:    &credits.Order{Grant: credits.NewGrant{DisplayName: "Top-up"}},
		Customer: &credits.Customer{ID: "ann", Name: "Ann", Email: "ann@example.com", BillingID: "cus_1"},
	}
}

func TestRequests(t *testing.T) {
	// Stripe's description of its API accepts everything that is sent, what makes something has a key made of the attempt, and
	// every object names its attempt.
	t.Parallel()
	if testing.Short() {
		t.Skip("builds stripe-mock")
	}
	m := startMock(t)
	p := stripe.New(stripe.Options{Key: "sk_test_123", Secret: "whsec", ReturnURL: "https://shop.example/done", URL: m.URL})
	ctx := t.Context()
	steps := []struct {
		name string
		run  func() error
		want []string
	}{
		{"charge", func() error { _, err := p.Charge(ctx, work(credits.CollectCharge, "pm_1"), "pay_7"); return err },
			[]string{"POST /v1/payment_intents [pay_7 charge]", "amount=5000", "currency=usd", "customer=cus_1", "off_session=true", "confirm=true", "payment_method=pm_1", "metadata[scrip_attempt]=pay_7"}},
		{"page", func() error { _, err := p.Charge(ctx, work(credits.CollectCharge, ""), "pay_7"); return err },
			[]string{"POST /v1/checkout/sessions [pay_7 page]", "unit_amount]=5000", "payment_intent_data[metadata][scrip_attempt]=pay_7"}},
		{"invoice", func() error { _, err := p.Invoice(ctx, work(credits.CollectInvoice, ""), "pay_7"); return err },
			[]string{"POST /v1/invoices [pay_7 invoice]", "days_until_due=30", "POST /v1/invoiceitems [pay_7 line]", "amount=5000", "/finalize [pay_7 final]", "/send [pay_7 send]"}},
		{"lookup", func() error {
			_, err := p.Lookup(ctx, work(credits.CollectCharge, "pm_1").Attempt, "pay_7")
			return err
		},
			[]string{"GET /v1/payment_intents/search?query=metadata"}},
		{"customer", func() error { _, err := p.Customer(ctx, "env_dev", work("", "").Customer); return err },
			[]string{"POST /v1/customers [customer env_dev ann create]", "email=ann@example.com"}},
		{"attach", func() error { _, err := p.Attach(ctx, "cus_1", "pm_1"); return err }, []string{"POST /v1/payment_methods/pm_1/attach", "customer=cus_1"}},
		{"methods", func() error { _, err := p.Methods(ctx, "cus_1"); return err }, []string{"GET /v1/customers/cus_1/payment_methods"}},
		{"detach", func() error { return p.Detach(ctx, "pm_1") }, []string{"POST /v1/payment_methods/pm_1/detach"}},
		{"cancel a charge", func() error { return cancel(ctx, p, credits.CollectCharge, "pi_1") }, []string{"GET /v1/payment_intents/pi_1", "POST /v1/payment_intents/"}},
		{"cancel a page", func() error { return cancel(ctx, p, credits.CollectCharge, "cs_1") }, []string{"GET /v1/checkout/sessions/cs_1"}},
		{"cancel an invoice", func() error { return cancel(ctx, p, credits.CollectInvoice, "in_1") }, []string{"GET /v1/invoices/in_1"}},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		sent := m.take(t)
		for _, want := range step.want {
			if !strings.Contains(sent, want) {
				t.Errorf("%s: %q is not in\n%s", step.name, want, sent)
			}
		}
	}
}

func cancel(ctx context.Context, p *stripe.Provider, method, reference string) error {
	a := work(method, "").Attempt
	a.Reference = reference
	_, err := p.Cancel(ctx, a, "pay_7")
	return err
}

// answering is a provider whose every call is answered alike.
func answering(t *testing.T, status int, body string) *stripe.Provider {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return stripe.New(stripe.Options{Key: "sk_test_123", Secret: "whsec", ReturnURL: "https://shop.example", URL: s.URL})
}

func TestOutcomes(t *testing.T) {
	// A definite answer is an outcome; everything else is an error, so that it is asked for again.
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   string // state, code and money, or error
	}{
		"paid":        {200, `{"id":"pi_1","status":"succeeded","amount_received":5000,"currency":"usd"}`, "PAID  50 usd"},
		"processing":  {200, `{"id":"pi_1","status":"processing"}`, "PROCESSING  0 "},
		"to act":      {200, `{"id":"pi_1","status":"requires_action","next_action":{"redirect_to_url":{"url":"https://x"}}}`, "ACTION_REQUIRED  0 "},
		"declined":    {402, `{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds"}}`, "FAILED insufficient_funds 0 "},
		"refused":     {400, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`, "FAILED resource_missing 0 "},
		"broken":      {500, `{"error":{"type":"api_error"}}`, "error"},
		"overloaded":  {429, `{"error":{"type":"api_error","code":"rate_limit"}}`, "error"},
		"in progress": {409, `{"error":{"type":"idempotency_error"}}`, "error"},
		"no Stripe":   {502, `<html>`, "error"},
	} {
		o, err := answering(t, test.status, test.body).Charge(t.Context(), work(credits.CollectCharge, "pm_1"), "pay_7")
		got := fmt.Sprintf("%s %s %s %s", o.State, o.FailureCode, o.Money.Amount, o.Money.Currency)
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, test.want)
		}
	}
}

func TestNotices(t *testing.T) {
	// A notice counts only with Stripe's signature over its very bytes, no older than five minutes.
	t.Parallel()
	p := answering(t, 200, `{"id":"pi_1","metadata":{"scrip_attempt":"pay_7"}}`)
	event := func(kind, object string) string {
		return fmt.Sprintf(`{"id":"evt_1","object":"event","type":%q,"api_version":"2020-01-01","data":{"object":%s}}`, kind, object)
	}
	const ours = `"metadata":{"scrip_attempt":"pay_7"}`
	paid := event("payment_intent.succeeded", `{"id":"pi_1","object":"payment_intent","status":"succeeded","amount_received":5000,"currency":"usd",`+ours+`}`)
	for name, test := range map[string]struct {
		body, secret string
		age          time.Duration
		want         string
	}{
		"paid":           {paid, "whsec", 0, "pay_7 PAID 50 usd"},
		"another secret": {paid, "whsec2", 0, billing.ErrSignature.Error()},
		"too old":        {paid, "whsec", 6 * time.Minute, billing.ErrSignature.Error()},
		"no event":       {`{"id":1}`, "whsec", 0, billing.ErrMalformed.Error()},
		"another kind":   {event("customer.created", `{}`), "whsec", 0, " none"},
		"of another":     {event("payment_intent.succeeded", `{"id":"pi_2","status":"succeeded"}`), "whsec", 0, " PAID 0 "},
		"failed":         {event("payment_intent.payment_failed", `{"id":"pi_1","status":"requires_payment_method",`+ours+`}`), "whsec", 0, "pay_7 FAILED 0 "},
		"page tried": {event("payment_intent.payment_failed", `{"id":"pi_1","status":"requires_payment_method","metadata":{"scrip_attempt":"pay_7","scrip_page":"yes"}}`),
			"whsec", 0, " none"},
		"page paid":       {event("checkout.session.completed", `{"id":"cs_1","status":"complete","payment_status":"paid","amount_total":5000,"currency":"usd",`+ours+`}`), "whsec", 0, "pay_7 PAID 50 usd"},
		"invoice paid":    {event("invoice.paid", `{"id":"in_1","status":"paid","amount_paid":5000,"currency":"usd",`+ours+`}`), "whsec", 0, "pay_7 PAID 50 usd"},
		"invoice is void": {event("invoice.voided", `{"id":"in_1","status":"void",`+ours+`}`), "whsec", 0, "pay_7 FAILED 0 "},
		"refunded":        {event("charge.refunded", `{"id":"ch_1","amount_refunded":2000,"currency":"usd",`+ours+`}`), "whsec", 0, "pay_7 none back 20 false"},
		"disputed":        {event("charge.dispute.created", `{"id":"dp_1","payment_intent":"pi_1"}`), "whsec", 0, "pay_7 none back 0 true"},
	} {
		at := time.Now().Add(-test.age)
		header := fmt.Sprintf("t=%d,v1=%x", at.Unix(), webhook.ComputeSignature(at, []byte(test.body), test.secret))
		n, err := p.Notice(t.Context(), func(string) string { return header }, []byte(test.body))
		if got := spoken(n, err); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if _, err := p.Notice(t.Context(), func(string) string { return "" }, []byte(paid)); err != billing.ErrSignature {
		t.Errorf("without a signature: %v", err)
	}
}

func spoken(n billing.Notice, err error) string {
	if err != nil {
		return err.Error()
	}
	text := n.Attempt + " none"
	if n.Outcome != nil {
		text = fmt.Sprintf("%s %s %s %s", n.Attempt, n.Outcome.State, n.Outcome.Money.Amount, n.Outcome.Money.Currency)
	}
	if n.Back != nil {
		text += fmt.Sprintf(" back %s %v", n.Back.Refunded.Amount, n.Back.Disputed)
	}
	return text
}
