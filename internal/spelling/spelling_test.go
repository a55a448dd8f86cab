package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	keys := []string{"grpc", "socket_mode", "insecure_network", "ops", "tls", "drain", "cert_file", "client_ca_file"}
	names := []string{"a", "acme", "globex", "initech", "table", "json"}
	for _, test := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"drian", keys, "drain"},
		{"dran", keys, "drain"},
		{"client_ca", keys, "client_ca_file"},
		{"drains", keys, "drain"},
		{"drain-timeout", keys, "drain"},
		{"cert", keys, "cert_file"},
		{"insecure-network", keys, "insecure_network"},
		{"op", keys, "ops"},
		{"x", keys, ""},
		{"port", keys, ""},
		{"", keys, ""},
		{"acem", names, "acme"},
		{"acmee", names, "acme"},
		{"glob", names, "globex"},
		{"initek", names, "initech"},
		{"jsno", names, "json"},
		{"tabel", names, "table"},
		{"umbrella", names, ""},
		{"alpha", names, ""}, // a is the beginning of much
		{"drain", nil, ""},
		{strings.Repeat("drain", 1000), keys, ""},
	} {
		if got := Nearest(test.word, test.candidates); got != test.want {
			t.Errorf("Nearest(%q, %q): got %q, want %q", test.word, test.candidates, got, test.want)
		}
	}
}
