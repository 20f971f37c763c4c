package outbound

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of a URL: what proxies and other servers accept, and what a name may be (RFC 1035).
const (
	urlMax   = 2048
	nameMax  = 253
	labelMax = 63
)

// portsAllowed are the ports of receivers; the empty one stands for 443.
var portsAllowed = []string{"", "443", "8443"}

// localSuffixes end names that mean something inside a network only.
var localSuffixes = []string{"localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "onion"}

// CheckURL judges a URL as it is written. It fails with a RefusedError whose reason completes a sentence about the URL. It
// resolves nothing: what a name means is judged when it is connected to.
func (p Policy) CheckURL(text string) error {
	if err := checkCharacters(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return refusedf("it is not a URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !p.AllowPrivate):
		return refusedf("it must begin with https://")
	case u.Opaque != "" || u.Host == "":
		return refusedf("it has no host")
	case u.User != nil || strings.Contains(authority(text), "@"):
		return refusedf("it must not contain a user or a password")
	case strings.Contains(text, "#"):
		return refusedf("it must not have a fragment")
	}
	if err := p.checkPort(u); err != nil {
		return err
	}
	return p.checkHost(u)
}

// checkCharacters refuses what parsers disagree about: everything but visible ASCII, and what must be escaped in a URL.
func checkCharacters(text string) error {
	if text == "" || len(text) > urlMax {
		return refusedf("it must have 1 to %d characters", urlMax)
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return refusedf("it has characters that must be escaped")
		}
	}
	return nil
}

// authority is the part between the slashes, as it is written.
func authority(text string) string {
	_, rest, _ := strings.Cut(text, "//")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return rest[:end]
	}
	return rest
}

func (p Policy) checkPort(u *url.URL) error {
	port := u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return refusedf("its port is missing")
	}
	if slices.Contains(portsAllowed, port) {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if !p.AllowPrivate {
		return refusedf("its port must be 443 or 8443")
	}
	if err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
		return refusedf("its port is no port")
	}
	return nil
}

// checkHost judges a name by its form and an address by its range.
func (p Policy) checkHost(u *url.URL) error {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
			return refusedf("its host is not an IPv6 address in the usual form")
		}
		return p.CheckAddress(a)
	}
	if numeric(host) {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is4() {
			return refusedf("its host looks like an IPv4 address and is none in the usual form")
		}
		return p.CheckAddress(a)
	}
	return p.checkName(strings.ToLower(host))
}

// numeric tells whether some resolver may take a host for an IPv4 address: its last label is a number, in whatever base.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func (p Policy) checkName(host string) error {
	labels := strings.Split(host, ".")
	if len(host) > nameMax || slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) }) {
		return refusedf("its host is not a name")
	}
	if p.AllowPrivate {
		return nil
	}
	if len(labels) == 1 {
		return refusedf("its host is a name without a domain")
	}
	for _, suffix := range localSuffixes {
		if strings.HasSuffix("."+host, "."+suffix) {
			return refusedf("its host is a name inside a network")
		}
	}
	return nil
}

// isLabel is one part of a name: letters, digits and hyphens within.
func isLabel(l string) bool {
	return l != "" && len(l) <= labelMax && l[0] != '-' && l[len(l)-1] != '-' &&
		strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
