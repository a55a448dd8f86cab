package extauthz

import (
	"bytes"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"

	"credence/internal/jwt"
)

// TestCertificateAsEnvoySends reads the certificate of a check that Envoy sent.
func TestCertificateAsEnvoySends(t *testing.T) {
	check := recorded(t)["mtls-http1"]
	sent, err := url.PathUnescape(check.GetAttributes().GetSource().GetCertificate())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(sent))
	if got := decode(check).Certificate; got != jwt.ThumbprintOf(block.Bytes) || got == (jwt.Thumbprint{}) {
		t.Errorf("thumbprint %x, want that of the certificate", got)
	}
	check.Attributes.Source.Certificate = ""
	if got := decode(check).Certificate; got != (jwt.Thumbprint{}) {
		t.Errorf("thumbprint %x without a certificate", got)
	}
}

// TestCertificate reads what is one certificate, and counts all else as none.
func TestCertificate(t *testing.T) {
	der := bytes.Repeat([]byte{0xfb, 0xef, 0xbe, 0xff}, 99) // its base64 has each character that a URL cannot
	block := func(kind string) string { return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})) }
	one, want := block("CERTIFICATE"), jwt.ThumbprintOf(der)
	if !strings.Contains(one, "+") || !strings.Contains(one, "/") {
		t.Fatalf("this case proves nothing: %s", one)
	}
	for name, test := range map[string]struct {
		text string
		want jwt.Thumbprint
	}{
		"encoded by path":          {url.PathEscape(one), want},
		"every character encoded":  {strings.ReplaceAll(url.QueryEscape(one), "+", "%20"), want},
		"not encoded":              {one, want},
		"none":                     {"", jwt.Thumbprint{}},
		"not PEM":                  {"certificate", jwt.Thumbprint{}},
		"a key":                    {url.PathEscape(block("PRIVATE KEY")), jwt.Thumbprint{}},
		"two":                      {url.PathEscape(one + one), jwt.Thumbprint{}},
		"more behind it":           {url.PathEscape(one + "x"), jwt.Thumbprint{}},
		"an empty one":             {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", jwt.Thumbprint{}},
		"cut":                      {url.PathEscape(one)[:100], jwt.Thumbprint{}},
		"a percent sign by itself": {one + "%", jwt.Thumbprint{}},
		"a plus for a space":       {strings.ReplaceAll(one, " ", "+"), jwt.Thumbprint{}},
	} {
		if got := certificate(test.text); got != test.want {
			t.Errorf("%s: thumbprint %x, want %x", name, got, test.want)
		}
	}
}
