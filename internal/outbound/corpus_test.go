package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/outbound"
)

// address is one line of the corpus.
type address struct {
	verdict, url string
	answers      []string // of the name server; what stands behind ">" comes from the second time on
}

// corpus reads testdata/addresses.txt.
func corpus(t *testing.T) (list []address) {
	t.Helper()
	text, err := os.ReadFile("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		a := address{verdict: fields[0], url: unescaped(t, fields[1])}
		if len(fields) > 2 {
			a.answers = strings.Fields(fields[2])
		}
		list = append(list, a)
	}
	return list
}

func unescaped(t *testing.T, text string) string {
	t.Helper()
	plain, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return plain
}

// nameserver answers as the corpus says.
type nameserver struct {
	mu      sync.Mutex
	answers []string
	asked   int
}

func (n *nameserver) LookupNetIP(_ context.Context, _, host string) (found []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	for _, a := range n.answers {
		if a == ">" {
			if n.asked == 1 {
				break
			}
			found = nil
			continue
		}
		found = append(found, netip.MustParseAddr(a))
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, nil
}

// errReached ends an attempt that got to the point of connecting.
var errReached = errors.New("reached")

func TestCorpus(t *testing.T) {
	// Each address is refused as it is written, refused when it is connected to, or reaches only what it should.
	t.Parallel()
	list := corpus(t)
	if len(list) < 150 {
		t.Fatalf("only %d addresses", len(list))
	}
	for _, a := range list {
		err := outbound.Policy{}.CheckURL(a.url)
		var refused *outbound.RefusedError
		if errors.As(err, &refused) != (a.verdict == "url") {
			t.Errorf("%s %q as it is written: %v", a.verdict, a.url, err)
			continue
		}
		server := &nameserver{answers: a.answers}
		touched := 0
		client := outbound.NewClient(outbound.Options{
			Resolver: server,
			Own:      func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("93.184.216.99")}, nil },
			Connect: func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
				touched++
				if err := (outbound.Policy{}).CheckAddress(to.Addr()); err != nil || to.Addr().Is4In6() || to.Port() != 443 && to.Port() != 8443 {
					t.Errorf("%s %q connects to %s", a.verdict, a.url, to)
				}
				return nil, errReached
			},
		})
		for range 2 {
			_, err := client.Post(t.Context(), a.url, http.Header{}, nil)
			if err == nil {
				t.Errorf("%s %q was answered", a.verdict, a.url)
			}
		}
		want := map[string]int{"url": 0, "connect": 0, "rebind": 1, "ok": 2 * max(1, len(a.answers))}[a.verdict]
		if touched != want {
			t.Errorf("%s %q: %d connections, want %d", a.verdict, a.url, touched, want)
		}
	}
}

func TestListenersAreNotTouched(t *testing.T) {
	// With the real dialer nothing arrives at listeners on the addresses of this machine, whatever name leads there, also when
	// the judgement of the name is left out: the socket is judged by itself.
	t.Parallel()
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(prefix.Addr().String(), "0"))
		if err != nil {
			continue // the system may have addresses without a use
		}
		touched := make(chan struct{}, 1)
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
				touched <- struct{}{}
			}
		}()
		at := netip.MustParseAddrPort(listener.Addr().String())
		client := outbound.NewClient(outbound.Options{Resolver: &nameserver{answers: []string{prefix.Addr().String()}}})
		conn, err := client.Dial(t.Context(), at)
		var refused *outbound.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("dialled %s: %v, %v", at, conn, err)
		}
		if _, err := client.Post(t.Context(), "https://own.example.com:8443/", http.Header{}, nil); !errors.As(err, &refused) {
			t.Errorf("posted to %s: %v", at, err)
		}
		_ = listener.Close()
		select {
		case <-touched:
			t.Errorf("%s was touched", at)
		default:
		}
	}
}

func TestClient(t *testing.T) {
	// In development http and this machine are allowed; a redirect is an answer; what is kept of an answer is short and plain.
	t.Parallel()
	hits := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits++
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for %s", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Location", "/other")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte("\x00\x1b[31m<b>\xff" + strings.Repeat("x", 100_000)))
	})
	strict := outbound.NewClient(outbound.Options{})
	if _, err := strict.Post(t.Context(), server, http.Header{}, nil); err == nil || hits != 0 {
		t.Errorf("the strict client: %v, %d hits", err, hits)
	}
	client := outbound.NewClient(outbound.Options{Policy: outbound.Policy{AllowPrivate: true}})
	defer client.Close()
	answer, err := client.Post(t.Context(), server, http.Header{}, []byte("{}"))
	if err != nil || answer.Status != http.StatusFound || answer.RetryAfter != "7" || hits != 1 {
		t.Errorf("answered %d %q (%v), %d hits", answer.Status, answer.RetryAfter, err, hits)
	}
	if len(answer.Excerpt) > outbound.ExcerptMax || !strings.HasPrefix(answer.Excerpt, "[31m<b>xxx") {
		t.Errorf("kept %d bytes: %.20q", len(answer.Excerpt), answer.Excerpt)
	}
	for _, bad := range []string{"http://169.254.169.254/", "http://0.0.0.0/", "http://[fe80::1]/", "http://u:p@127.0.0.1/"} {
		if _, err := client.Post(t.Context(), bad, http.Header{}, nil); outbound.Explain(err)[:7] != "the add" {
			t.Errorf("%s in development: %v", bad, err)
		}
	}
}

func TestExplain(t *testing.T) {
	// What the owner of an address is told names no address.
	t.Parallel()
	client := outbound.NewClient(outbound.Options{Policy: outbound.Policy{AllowPrivate: true}})
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.Close()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	for address, want := range map[string]string{
		server: "the connection was closed before the answer", closed: "the connection was refused", "http://nowhere.invalid/?secret": "the name could not be resolved",
	} {
		_, err := client.Post(t.Context(), address, http.Header{}, nil)
		if err == nil || outbound.Explain(err) != want {
			t.Errorf("%s: %v, explained as %q", address, err, outbound.Explain(err))
		}
	}
	if got := outbound.Explain(&url.Error{Op: "Post", URL: "https://x/?secret", Err: errors.New("odd")}); got != "odd" {
		t.Errorf("explained as %q", got)
	}
}
