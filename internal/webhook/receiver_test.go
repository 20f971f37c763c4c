package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is somebody's server. It knows nothing of ours but the Standard Webhooks library and its secret.
type receiver struct {
	world    *world
	host     string
	kind     string
	listener *pipes
	server   *http.Server
	endpoint string
	env      string

	mu       sync.Mutex
	secret   string
	asked    int            // requests that came
	taken    map[string]int // message → how often it was answered with 2xx
	lateness time.Duration  // the longest from the occurrence to the 2xx
	quiet    time.Time      // it has asked not to be called before
	faults   []string
}

// kinds are the ways in which receivers behave, one after the other. A healthy one stands between any two others.
var kinds = []string{"healthy", "outage", "healthy", "errors", "healthy", "hangs", "healthy", "resets", "healthy", "slow body", "healthy", "redirects",
	"healthy", "gone", "healthy", "busy", "huge answer", "dead", "flaky", "garbage"}

// behaviour is how a receiver answers now.
type behaviour struct {
	refuse  bool // no connection
	status  int
	hang    bool
	reset   bool
	garbage bool
	drip    bool // an answer whose body never ends
	huge    bool
}

// Times at which receivers change.
const (
	day      = 24 * time.Hour
	recovery = 6 * day // from then on everyone is healthy
)

// state is the behaviour at this moment.
func (r *receiver) state() behaviour {
	since := r.world.sinceStart()
	if since >= recovery {
		return behaviour{status: 200}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.kind {
	case "outage":
		return behaviour{status: 200, refuse: since > 10*time.Minute && since < 2*day}
	case "errors":
		return behaviour{status: 200 + 300*min(r.asked%3, 1)}
	case "hangs":
		return behaviour{status: 204, hang: since > 5*time.Minute && since < 6*time.Hour}
	case "resets":
		return behaviour{status: 200, reset: r.asked%4 == 1 || since > 20*time.Minute && since < 3*time.Hour}
	case "slow body":
		return behaviour{status: 200, drip: r.asked%50 == 0}
	case "redirects":
		return behaviour{status: 200 + 102*min(int(max(time.Hour-since, 0)), 1)}
	case "gone":
		return behaviour{status: 200 + 210*min(r.asked/100, 1)}
	case "busy":
		return behaviour{status: 200 + 229*min((r.asked+1)%40/39, 1)}
	case "huge answer":
		return behaviour{status: 201, huge: true}
	case "dead":
		return behaviour{refuse: true}
	case "flaky":
		return behaviour{status: 200, refuse: since/time.Minute%7 == 3}
	case "garbage":
		return behaviour{status: 200, garbage: r.asked%5 == 2}
	}
	return behaviour{status: 200}
}

const retryAfter = 90 * time.Second

// ServeHTTP receives a message.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	now := r.state()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // cut off
	}
	r.count(q, body)
	time.Sleep(r.world.latency())
	switch {
	case now.hang:
		<-q.Context().Done()
		return
	case now.reset, now.garbage:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			if now.garbage {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n\r\n")
			}
			_ = conn.Close()
		}
		return
	}
	if now.status/100 == 2 {
		r.take(body)
	}
	w.Header().Set("Retry-After", fmt.Sprint(int(retryAfter.Seconds())))
	w.Header().Set("Location", "http://r1.test/stolen")
	w.WriteHeader(now.status)
	_ = http.NewResponseController(w).Flush()
	switch {
	case now.huge:
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	case now.drip:
		for q.Context().Err() == nil {
			time.Sleep(time.Second)
			if _, err := io.WriteString(w, "."); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	}
	if now.status == http.StatusTooManyRequests {
		r.mu.Lock()
		r.quiet = time.Now().Add(retryAfter)
		r.mu.Unlock()
	}
}

// count checks what every request must be: signed under the secret that this receiver has, by the public library alone.
func (r *receiver) count(q *http.Request, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	library, err := standardwebhooks.NewWebhook(r.secret)
	if err == nil {
		err = library.Verify(body, q.Header)
	}
	if err != nil || q.Method != http.MethodPost || q.URL.Path != "/hook" {
		r.faults = append(r.faults, fmt.Sprintf("%s %s: %v", q.Method, q.URL.Path, err))
	}
	asked := r.quiet.Add(-retryAfter) // and what was killed then has not heard it
	early := time.Until(r.quiet)
	if !r.quiet.IsZero() && early > 0 && early < retryAfter-time.Second && r.world.killed.Load() < asked.Add(-time.Second).UnixMicro() {
		r.faults = append(r.faults, fmt.Sprintf("called %s too early after 429", early))
	}
}

// take notes a message as delivered.
func (r *receiver) take(body []byte) {
	var m struct {
		MessageID, Type, EnvironmentID string
		Timestamp                      time.Time
		Sequence                       int64
		Data                           json.RawMessage
	}
	err := json.Unmarshal(body, &m)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || m.MessageID == "" || m.EnvironmentID != r.env || m.Sequence < 1 {
		r.faults = append(r.faults, fmt.Sprintf("not a message: %s", body))
	}
	r.taken[m.MessageID]++
	r.lateness = max(r.lateness, time.Since(m.Timestamp))
}

// has is how many different messages it has taken.
func (r *receiver) has() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}
