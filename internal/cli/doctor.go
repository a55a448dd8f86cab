package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newDoctorCommand(a *app) *cobra.Command {
	cmd := newLeaf("doctor [flags]", "look for what is wrong with configuration, Redis and registry", `
Looks at the configuration, at Redis (version, role, clock, memory, eviction, persistence, rights of the user), at the
registry (its id, its peppers), at all its keys (records that are invalid, indexes that do not fit, tokens without end) and
at the servers (who is silent, who is behind). Each finding says what to do. Nothing is changed. With the user of "credence
redis acl report" it can look at everything.

Status: 0 no errors, though there may be warnings; 3 errors; 1 it could not look.`, `
credence doctor
credence doctor --config credence.yaml -o json | jq -r '.[] | select(.level != "ok") | .where + ": " + .what'`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		c, err := a.configuration()
		if err != nil {
			return err
		}
		d := newDiagnosis(a)
		if err := a.diagnose(cmd.Context(), d, c); err != nil {
			d.out.end() // what was found is shown
			return err
		}
		return d.end()
	}
	return cmd
}

// diagnose looks at everything. An error means that it could not look.
func (a *app) diagnose(ctx context.Context, d *diagnosis, c config.Config) error {
	d.begin("configuration")
	peppers := a.diagnoseConfig(d, c)
	store, err := a.open(c)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // everything is answered, or has failed already

	d.begin("redis")
	inspection, err := store.Inspect(ctx)
	if err != nil {
		return err
	}
	a.diagnoseRedis(d, c, inspection)

	d.begin("registry")
	r := a.registrar(store, c, peppers)
	root, faults, err := r.CheckRoot(ctx)
	if err != nil {
		return err
	}
	explained := &faultDiagnosis{diagnosis: d, a: a, evicts: inspection.Info != nil && inspection.Info.EvictsEnding(), seen: make(map[registrar.FaultKind]*seenFaults)}
	for _, fault := range faults {
		explained.add(fault)
	}
	if root != nil {
		d.ok("registry", "%s, commit %d", root.ID, root.Seq)
		d.ok("digests", "tokens are stored by %s", digestWords(root.Digests))
	}

	d.begin("records")
	audit := r.Audit(root)
	for fault, err := range audit.Faults(ctx) {
		if err != nil {
			explained.finish()
			return err
		}
		explained.add(fault)
	}
	explained.finish()
	d.ok("records", "%s", countedRecords(audit))

	d.begin("fleet")
	return diagnoseFleet(ctx, d, store)
}

// countedRecords says how many records there are. Keys and bindings are told of
// where there are some: many registries know tokens only.
func countedRecords(audit *registrar.Audit) string {
	var all []string
	for _, kind := range []registry.RecordKind{registry.ClientKind, registry.ProfileKind, registry.TokenKind, registry.KeyKind, registry.BindingKind} {
		if n := audit.Count(kind); n > 0 || kind != registry.KeyKind && kind != registry.BindingKind {
			all = append(all, counted(n, string(kind)))
		}
	}
	return strings.Join(all, ", ")
}

// diagnoseConfig looks at the files that the configuration names, and at what
// in it weakens. It gives the peppers that could be read.
func (a *app) diagnoseConfig(d *diagnosis, c config.Config) credential.Peppers {
	path := cmp.Or(a.configPath, a.env(config.EnvConfig), "defaults and environment")
	before := d.counts
	readable := make(map[credential.DigestKind]string)
	unreadable := func(key string, err error) {
		d.fail(key, "make the file readable for this user, or name the right one", "%s", strings.TrimPrefix(plain(err), key+": "))
	}
	for _, kind := range slices.Sorted(maps.Keys(c.Credentials.PepperFiles)) {
		file := c.Credentials.PepperFiles[kind]
		if _, err := loadPeppers(map[credential.DigestKind]string{kind: file}); err != nil {
			unreadable("credentials.pepper_files."+string(kind), err)
			continue
		}
		readable[kind] = file
	}
	if c.Redis.PasswordFile != "" {
		if _, err := readPassword(c.Redis.PasswordFile); err != nil {
			unreadable("redis.password_file", err)
		}
	}
	for _, open := range openFiles(c) {
		d.warn(open.key, "chmod o-r "+shellWord(open.path), "every user can read %s", open.path)
	}
	diagnoseWeakness(d, c)
	if d.counts == before {
		d.ok("file", "%s", path)
	}
	peppers, err := loadPeppers(readable)
	if err != nil { // a file that was readable a moment ago
		d.fail("credentials.pepper_files", "", "%s", plain(err))
	}
	return peppers
}

// diagnoseWeakness tells of settings that protect less than others would.
func diagnoseWeakness(d *diagnosis, c config.Config) {
	if c.Routes.Mode == config.RoutesObserve {
		d.warn("routes.mode", "set it to enforce when the log shows that nobody would be denied wrongly", "observe: denials pass on every route, so that nothing is protected")
	}
	if c.Listen.InsecureNetwork {
		d.warn("listen.insecure_network", "listen on loopback or on a Unix socket beside Envoy", "others on the network may read tokens and forge requests at %s", c.Listen.GRPC)
	}
	for _, proxy := range c.Peer.TrustedProxies {
		if proxy.Bits() == 0 {
			d.warn("peer.trusted_proxies", "name the networks of your own proxies only", "%s trusts everybody: a client can say which address it comes from", proxy)
		}
	}
}

// tolerance is how far the clocks of Redis and of this machine may be apart:
// what is proven of a change rests on it.
const tolerance = 10 * time.Second

// bytesInWords gives a size as people read it.
func bytesInWords(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	value, units := float64(n)/unit, "KMGTPE"
	for value >= unit && len(units) > 1 {
		value, units = value/unit, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, units[0])
}
