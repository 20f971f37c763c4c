package move

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

type object = map[string]any

// client speaks for one environment.
type client struct {
	t         *testing.T
	base, key string
}

// send makes a request under an idempotency key, if one is given, and returns the answer, which must be a success.
func (c *client) send(method, path string, body any, idempotency string) string {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.base+"/api/v1/"+path, bytes.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("X-API-KEY", c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if idempotency != "" {
		request.Header.Set("Idempotency-Key", idempotency)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		c.t.Fatalf("%s %s: %s %s (%v)", method, path, response.Status, answer, err)
	}
	return string(answer)
}

func (c *client) post(path string, body any) string { return c.send(http.MethodPost, path, body, "") }

// asked is the instant at which a question was asked.
var asked = regexp.MustCompile(`"asOf":"[^"]*"`)

// get returns the answer to a question, without the instant at which it was asked.
func (c *client) get(path string) string {
	c.t.Helper()
	return asked.ReplaceAllString(c.send(http.MethodGet, path, nil, ""), `"asOf":"now"`)
}

// read decodes an answer.
func read[T any](t *testing.T, answer string) T {
	t.Helper()
	var into T
	if err := json.Unmarshal([]byte(answer), &into); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return into
}

// page is a list as far as it is read here.
type page struct {
	Data       []object
	Pagination struct{ Next *string }
}

// report sends one event and returns what became of it.
func (c *client) report(customer, name, key string) string {
	c.t.Helper()
	return c.post("events/report", object{"events": []object{{
		"customerId": customer, "eventName": name, "idempotencyKey": key, "dimensions": object{"total_tokens": 1000},
	}}})
}

// quarantine lists what could not be accepted.
const quarantine = "events?status=QUARANTINED"

// everything is what this environment answers to reads of some customers, by path.
func (c *client) everything(customers []string) map[string]string {
	c.t.Helper()
	answers := map[string]string{}
	for _, list := range []string{"customers", "plans", "features", "subscriptions", "api-keys", "credits/custom-currencies", quarantine} {
		answers[list] = c.get(list)
	}
	for _, customer := range customers {
		for _, list := range []string{"credits/balances", "credits/grants", "credits/ledger", "credits/reservations", "events"} {
			path := list + "?limit=50&customerId=" + customer
			if list == "credits/ledger" || list == "credits/reservations" {
				path += "&currencyId=" + creditType
			}
			answers[path] = c.get(path)
		}
	}
	return answers
}

// wordAfter returns what follows a text in the first line that has it.
func wordAfter(t *testing.T, lines []string, text string) string {
	t.Helper()
	for _, line := range lines {
		if _, word, ok := strings.Cut(line, text); ok {
			return strings.TrimSpace(word)
		}
	}
	t.Fatalf("%q is not in %q", text, lines)
	return ""
}
