package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// running is a server that a test started.
type running struct {
	url    string
	stop   context.CancelFunc
	exited chan int
	stderr *bytes.Buffer // read it only after exited
}

// start runs `scrip serve` on a free port and waits until it says where it listens.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startWith(t, noVariables, args...)
}

// startWith is start with some variables set.
func startWith(t *testing.T, env func(string) (string, bool), args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, exited: make(chan int, 1), stderr: new(bytes.Buffer)}
	out, in := io.Pipe()
	args = append([]string{"serve", "--listen=127.0.0.1:0", "--data", t.TempDir()}, args...)
	go func() {
		code := run(ctx, args, env, in, r.stderr)
		_ = in.Close()
		r.exited <- code
	}()
	lines := bufio.NewReader(out)
	for r.url == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the server ended with %d:\n%s", <-r.exited, r.stderr)
		}
		_, r.url, _ = strings.Cut(strings.TrimSpace(line), "Scrip listens on ")
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return r
}

// get answers the status and body of one request, or 0 and a failed test. Any goroutine may call it.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(body)
}

func TestServeAnswersProbesAndStops(t *testing.T) {
	// A started server answers its probes and metrics, and exits with 0 when told to stop.
	t.Parallel()
	r := start(t, "--drain-wait=0s")
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"status":"ready"}`,
		"/metrics": "go_goroutines",
	} {
		if code, body := get(t, r.url+path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want 200 with %q", path, code, body, want)
		}
	}
	r.stop()
	if code := <-r.exited; code != exitDone {
		t.Errorf("exit code %d, stderr:\n%s", code, r.stderr)
	}
}

func TestSecondListenerOnAPortFails(t *testing.T) {
	// A port in use ends the program with 1 and one line that names the address.
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	got := execute(t, noVariables, "--log-level=error", "serve", "--listen", taken.Addr().String(), "--data", t.TempDir())
	if got.Code != exitFailed || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, taken.Addr().String()) {
		t.Errorf("got %+v", got)
	}
}

func TestMetricsAddressOfTheirOwn(t *testing.T) {
	// With an address of their own the metrics leave the main one.
	t.Parallel()
	l := listeners{main: listen(t), metrics: listen(t)}
	s := newServer(idleApp(), newMetrics(), l, quiet())
	stopped := serving(t, s, drain{max: time.Second})
	if code, _ := get(t, "http://"+l.metrics.Addr().String()+"/metrics"); code != http.StatusOK {
		t.Errorf("metrics address: %d", code)
	}
	if code, _ := get(t, "http://"+l.main.Addr().String()+"/metrics"); code != http.StatusNotFound {
		t.Errorf("main address: %d", code)
	}
	if err := stopped(); err != nil {
		t.Error(err)
	}
}

func TestDrainFinishesRequestsUnderWay(t *testing.T) {
	// While draining, readiness is red and a request under way still gets its answer.
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	product := idleApp()
	product.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "finished")
	})
	l := listeners{main: listen(t)}
	s := newServer(product, newMetrics(), l, quiet())
	stopped := serving(t, s, drain{wait: 10 * time.Millisecond, max: 10 * time.Second})
	url := "http://" + l.main.Addr().String()

	answered := make(chan string, 1)
	go func() {
		_, body := get(t, url+"/slow")
		answered <- body
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- stopped() }()
	for code := 0; code != http.StatusServiceUnavailable; {
		code = probe(s)
	}
	close(release)
	if body := <-answered; body != "finished" {
		t.Errorf("the request under way got %q", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDrainHasAnEnd(t *testing.T) {
	// A request that does not finish in time is cut off, and the program says so.
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	product := idleApp()
	product.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})
	l := listeners{main: listen(t)}
	stopped := serving(t, newServer(product, newMetrics(), l, quiet()), drain{max: 20 * time.Millisecond})
	go func() {
		if response, err := http.Get("http://" + l.main.Addr().String()); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-entered
	if err := stopped(); err == nil || !strings.Contains(err.Error(), "unfinished after 20ms") {
		t.Errorf("got %v", err)
	}
}

func TestReadinessFollowsTheProduct(t *testing.T) {
	// A product that cannot serve turns readiness red and leaves health green.
	t.Parallel()
	product := idleApp()
	product.Ready = func(context.Context) error { return errors.New("disk full") }
	s := newServer(product, newMetrics(), listeners{}, quiet())
	if code := probe(s); code != http.StatusServiceUnavailable {
		t.Errorf("readyz %d", code)
	}
	answer := httptest.NewRecorder()
	s.api.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("healthz %d", answer.Code)
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	// Metrics on the main address are shown to loopback peers that come directly, to nobody else.
	t.Parallel()
	tests := map[string]struct {
		peer, header string
		want         int
	}{
		"loopback":        {"127.0.0.1:5000", "", http.StatusOK},
		"loopback_v6":     {"[::1]:5000", "", http.StatusOK},
		"elsewhere":       {"192.0.2.7:5000", "", http.StatusNotFound},
		"through_a_proxy": {"127.0.0.1:5000", "X-Forwarded-For", http.StatusNotFound},
		"no_address":      {"pipe", "", http.StatusNotFound},
	}
	s := newServer(idleApp(), newMetrics(), listeners{}, quiet())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.RemoteAddr = test.peer
			if test.header != "" {
				request.Header.Set(test.header, "192.0.2.7")
			}
			answer := httptest.NewRecorder()
			s.api.Handler.ServeHTTP(answer, request)
			if answer.Code != test.want {
				t.Errorf("got %d, want %d", answer.Code, test.want)
			}
		})
	}
}

// idleApp is a product that knows no address and has nothing to flush.
func idleApp() *app {
	return &app{
		Handler: http.NotFoundHandler(),
		Ready:   func(context.Context) error { return nil },
		Close:   func() error { return nil },
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// listen opens a free port.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serving starts s; the returned function tells it to stop and answers how serve ended.
func serving(t *testing.T, s *server, d drain) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, d) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// probe answers the status of /readyz without a connection.
func probe(s *server) int {
	answer := httptest.NewRecorder()
	s.api.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return answer.Code
}
