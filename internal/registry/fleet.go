package registry

// Keys of the servers that use a registry: the set that lists them, with the
// time of each one's last heartbeat, and the hash that says more of one.
const (
	FleetKey     = "fleet"
	serverPrefix = "server:"
)

// ServerKey is the key of the hash of a server.
func ServerKey(name string) string { return serverPrefix + name }

// IsEntry tells whether a text is the id of an entry of the change stream:
// milliseconds, a hyphen, a count.
func IsEntry(text string) bool {
	_, _, ok := parseEntry(text)
	return ok
}
