package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const listenKey = "operator-key-of-the-listening-test-0123456789"

// withKey is an environment with a server key.
func withKey(name string) (string, bool) { return listenKey, name == "SCRIP_API_KEY" }

// feed is what a program prints; a test waits for lines of it.
type feed struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{}
}

func (f *feed) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.Write(b)
	select {
	case f.grown <- struct{}{}:
	default:
	}
	return len(b), nil
}

// await returns everything printed, once it holds a text.
func (f *feed) await(t *testing.T, text string) string {
	t.Helper()
	for {
		f.mu.Lock()
		all := f.text.String()
		f.mu.Unlock()
		if strings.Contains(all, text) {
			return all
		}
		select {
		case <-f.grown:
		case <-t.Context().Done():
			t.Fatalf("never printed %q, but\n%s", text, all)
		}
	}
}

func TestListenAndTrigger(t *testing.T) {
	// A triggered message is printed by who listens, and forwarded with a signature that the public library accepts.
	t.Parallel()
	r := startWith(t, withKey)
	forwarded := make(chan *http.Request, 1)
	bodies := make(chan []byte, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		forwarded <- q
		bodies <- body
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(receiver.Close)
	out := &feed{grown: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"listen", "--url", r.url, "--forward-to", receiver.URL + "/hook", "--dialect", "REFERENCE"}, withKey, out, io.Discard)
	}()
	_, secret, _ := strings.Cut(out.await(t, "signed under whsec_"), "signed under ")
	secret, _, _ = strings.Cut(secret, "\n")
	var triggered, failed bytes.Buffer
	if code := run(t.Context(), []string{"trigger", "credits.granted", "--url", r.url}, withKey, &triggered, &failed); code != exitDone {
		t.Fatalf("trigger ended with %d: %s", code, &failed)
	}
	request, body := <-forwarded, <-bodies
	library, err := standardwebhooks.NewWebhook(secret)
	if err == nil {
		err = library.Verify(body, request.Header)
	}
	if err != nil || request.URL.Path != "/hook" || !bytes.Contains(body, []byte(`"type":"credit_grant.created"`)) || !bytes.Contains(body, []byte(`"test":true`)) {
		t.Errorf("forwarded %s %s: %v", request.URL, body, err)
	}
	if all := out.await(t, "forwarded: 418"); !strings.Contains(all, " credit_grant.created ") {
		t.Errorf("printed %s", all)
	}
	if !strings.Contains(triggered.String(), `"type":"credits.granted"`) {
		t.Errorf("trigger printed %s", &triggered)
	}
	stop()
	if code := <-ended; code != exitDone {
		t.Errorf("listen ended with %d", code)
	}
	r.stop()
	<-r.exited
}

func TestListen_refusals(t *testing.T) {
	// Without a key, with a wrong one, or for an unknown type there is one line that says so.
	t.Parallel()
	r := startWith(t, withKey)
	wrong := func(name string) (string, bool) { return listenKey + "x", name == "SCRIP_API_KEY" }
	for _, test := range []struct {
		args []string
		env  func(string) (string, bool)
		want string
	}{
		{[]string{"listen"}, noVariables, "SCRIP_API_KEY"},
		{[]string{"listen"}, wrong, "401 Unauthenticated"},
		{[]string{"trigger", "credits.granted"}, wrong, "401 Unauthenticated"},
		{[]string{"trigger", "credits.lost"}, withKey, "type"},
		{[]string{"trigger", "credits.granted", "--endpoint", "whe_x"}, withKey, "404 WebhookEndpointNotFound"},
	} {
		var said bytes.Buffer
		if code := run(t.Context(), append(test.args, "--url", r.url), test.env, io.Discard, &said); code != exitFailed || !strings.Contains(said.String(), test.want) {
			t.Errorf("%v ended with %d: %s", test.args, code, &said)
		}
	}
	r.stop()
	<-r.exited
}

func TestKeyFile(t *testing.T) {
	// The first start makes a key file that only its owner can read, later ones use it, and one that others can read is refused.
	t.Parallel()
	dir := t.TempDir()
	d := deps{DataDir: dir}
	if _, err := openVault(d); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, keyFileName)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	first, err := readKeyFile(path)
	_, again := openVault(d)
	second, err2 := readKeyFile(path)
	if err := errors.Join(err, again, err2); err != nil || first != second || len(first) < 40 {
		t.Errorf("key %q, then %q, %v", first, second, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openVault(d); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key file that others can read: %v", err)
	}
}
