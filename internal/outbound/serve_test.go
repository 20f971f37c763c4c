package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// serve starts a server on this machine and returns its address.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}
