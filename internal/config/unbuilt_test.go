package config

import "testing"

// TestUnbuilt: a key whose feature is not built may be written out, but only
// with its default.
func TestUnbuilt(t *testing.T) {
	for _, test := range []struct{ key, value, byDefault string }{
		{"redis.sentinel.username", "u", `""`},
		{"redis.sentinel.password_file", "f", `""`},
	} {
		t.Run(test.key, func(t *testing.T) {
			text := setting(test.key, test.value)
			checkMistake(t, unbuilt, text, "1: "+test.key+": not supported yet: it may only hold its default, "+test.byDefault)
			checkParse(t, unbuilt, setting(test.key, test.byDefault), Default())
		})
	}
}

// TestBuiltLater reads what unbuilt keys will take once their rows are gone.
func TestBuiltLater(t *testing.T) {
	want := Default()
	want.Redis.Sentinel = Sentinel{Username: "u", PasswordFile: "f"}
	checkParse(t, nil, `
redis: {sentinel: {username: u, password_file: f}}
`, want)
}
