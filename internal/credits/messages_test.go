package credits_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var update = flag.Bool("update", false, "write golden files anew")

// webhooksContract is api/webhooks.yaml.
func webhooksContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../api/webhooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// checkMessage compares a message with the contract.
func checkMessage(t *testing.T, doc *openapi3.T, kind credits.MessageType, body []byte) {
	t.Helper()
	item := doc.Webhooks[string(kind)]
	if item == nil {
		t.Errorf("%s is not in the contract", kind)
		return
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	schema := item.Post.RequestBody.Value.Content["application/json"].Schema.Value
	if err := schema.VisitJSON(value, openapi3.EnableFormatValidation(), openapi3.MultiErrors()); err != nil {
		t.Errorf("%s breaks the contract: %v\n%s", kind, err, body)
	}
}

func TestMessagesFollowTheContract(t *testing.T) {
	// Every type of message is described, under its names in every dialect and no others, and its sample looks as described
	// and as in the golden file.
	t.Parallel()
	w, doc := setup(t), webhooksContract(t)
	if len(doc.Webhooks) != len(credits.MessageTypes()) {
		t.Errorf("%d types are described, %d exist", len(doc.Webhooks), len(credits.MessageTypes()))
	}
	for _, kind := range credits.MessageTypes() {
		m, err := w.SendTestMessage(w.ctx, env, actor, string(kind), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, dialect := range []credits.Dialect{credits.DialectSeed, credits.DialectSkills, credits.DialectReference} {
			body := must[[]byte](t)(m.Envelope(env, dialect))
			checkMessage(t, doc, kind, body)
			names, _ := doc.Webhooks[string(kind)].Post.Extensions["x-dialects"].(map[string]any)
			want := string(kind)
			if name, ok := names[string(dialect)].(string); ok {
				want = name
			}
			if kind.NameIn(dialect) != want {
				t.Errorf("%s is called %s in %s; the contract says %s", kind, kind.NameIn(dialect), dialect, want)
			}
			if parsed, ok := credits.ParseMessageType(want); !ok || parsed != kind {
				t.Errorf("%s is read as %s", want, parsed)
			}
		}
		golden(t, string(kind), m.Payload)
	}
}

// golden compares a payload with its file, indented.
func golden(t *testing.T, name, payload string) {
	t.Helper()
	var value json.RawMessage = []byte(payload)
	pretty := must[[]byte](t)(json.MarshalIndent(value, "", "  "))
	path := filepath.Join("testdata", "messages", name+".json")
	if *update {
		if err := os.WriteFile(path, append(pretty, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := must[[]byte](t)(os.ReadFile(path))
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(pretty)); diff != "" {
		t.Errorf("%s (-golden +payload):\n%s", name, diff)
	}
}

func TestContractBites(t *testing.T) {
	// The contract of messages refuses one with a member more, one less, or of another type.
	t.Parallel()
	w, doc := setup(t), webhooksContract(t)
	m := must[*credits.Message](t)(w.SendTestMessage(w.ctx, env, actor, "credits.balance.usage_low", ""))
	body := string(must[[]byte](t)(m.Envelope(env, credits.DialectSeed)))
	schema := doc.Webhooks["credits.balance.usage_low"].Post.RequestBody.Value.Content["application/json"].Schema.Value
	for _, change := range [][2]string{
		{`"isOverdrawn":false`, `"isOverdrawn":"no"`}, {`"isOverdrawn":false`, `"isOverdrawn":false,"more":1`}, {`,"isOverdrawn":false`, ``},
		{`"type":"credits.balance.usage_low"`, `"type":"credits.granted"`}, {`"sequence":1`, `"sequence":0`},
	} {
		changed := strings.Replace(body, change[0], change[1], 1)
		var value any
		if err := json.Unmarshal([]byte(changed), &value); err != nil || changed == body {
			t.Fatalf("%s: %v", changed, err)
		}
		if schema.VisitJSON(value) == nil {
			t.Errorf("the contract accepts %s", changed)
		}
	}
}

// told lists the messages of the environment.
func (w *world) told() []*credits.Message {
	w.t.Helper()
	var all []*credits.Message
	for last := int64(0); ; last = all[len(all)-1].No {
		list, err := tellNow(w, last)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

func TestCreditTypesAreTold(t *testing.T) {
	// Each change of a credit type is told once, in the order of the changes, with what it was before; an edit that changes
	// nothing, a refused one and a repeated archiving are not.
	t.Parallel()
	w, doc := setup(t), webhooksContract(t)
	tokens := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "tokens", DisplayName: "Tokens"})
	tokens(err)
	_, err = w.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "tokens", DisplayName: "Again"})
	wantError(t, err, credits.CodeDuplicate, "id")
	for _, name := range []string{"Coins", "Coins"} {
		_, err = w.UpdateCreditType(w.ctx, env, actor, "tokens", credits.CreditTypeUpdate{DisplayName: credits.Set(name)})
		tokens(err)
	}
	for range 2 {
		_, err = w.ArchiveCreditType(w.ctx, env, actor, "tokens")
		tokens(err)
	}
	_, err = w.UnarchiveCreditType(w.ctx, env, actor, "tokens")
	tokens(err)
	var got []string
	for i, m := range w.told() {
		body := must[[]byte](t)(m.Envelope(env, credits.DialectSeed))
		checkMessage(t, doc, m.Type, body)
		got = append(got, fmt.Sprint(m.No, m.Sequence, " ", m.Type))
		if i == 1 && (!strings.Contains(m.Payload, `"displayName":"Coins"`) || !strings.Contains(m.Payload, `"previous":{"id":"tokens","displayName":"Tokens"`)) {
			t.Errorf("the update says %s", m.Payload)
		}
	}
	want := []string{"1 1 credit_type.created", "2 2 credit_type.updated", "3 3 credit_type.archived", "4 4 credit_type.unarchived"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAppendMessages(t *testing.T) {
	// A cause is told once however often it is appended, numbers have no gap, and what fails to commit leaves none.
	t.Parallel()
	w := setup(t)
	add := func(fail error, causes ...string) error {
		return w.store.Update(w.ctx, func(tx credits.Tx) error {
			var list []credits.NewMessage
			for _, cause := range causes {
				list = append(list, credits.NewMessage{Type: credits.GrantGranted, Cause: cause, At: w.now(), Data: struct{}{},
					Stream: credits.PoolStream(ledger.Key{Customer: "c", Currency: "t"})})
			}
			if err := w.AppendMessages(w.ctx, tx, env, list...); err != nil {
				return err
			}
			return fail
		})
	}
	broken := fmt.Errorf("broken")
	if err := add(broken, "lost"); err == nil {
		t.Fatal("a failed transaction was committed")
	}
	for _, causes := range [][]string{{"a", "b"}, {"b", "c", "c"}, {"a"}, {"lost"}} {
		if err := add(nil, causes...); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range w.told() {
		got = append(got, fmt.Sprintf("%d/%d %s", m.No, m.Sequence, m.Cause))
	}
	if want := []string{"1/1 a", "2/2 b", "3/3 c", "4/4 lost"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
