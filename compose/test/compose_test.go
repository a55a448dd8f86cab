package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// repository is where docker-compose.yaml is, seen from this package.
const repository = "../.."

// load reads a compose file as `docker compose` does: validated by the schema, merged, interpolated and checked for what
// refers to what. All profiles are on.
func load(t *testing.T, path string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{path}, cli.WithWorkingDirectory(repository), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(t.Context())
}

func composed(t *testing.T) *types.Project {
	t.Helper()
	project, err := load(t, filepath.Join(repository, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 8 {
		t.Fatalf("got services %v, want eight", project.ServiceNames())
	}
	return project
}

// TestFaultsAreFound changes docker-compose.yaml in ways that must not be taken.
func TestFaultsAreFound(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(repository, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"an unknown key":                 {"    stop_grace_period: 15s", "    stop_grace_periods: 15s"},
		"a value of another type":        {"    cap_add: [CHOWN]", "    cap_add: CHOWN"},
		"an unknown condition":           {"condition: service_healthy", "condition: healthy"},
		"a service that is not there":    {"      upstream: {condition", "      downstream: {condition"},
		"a volume that is not there":     {"    - registry:/data", "    - registers:/data"},
		"a network that is not there":    {"networks: [registry, ops]", "networks: [registry, opera]"},
		"a duration that is none":        {"interval: 2s", "interval: 2x"},
		"services that wait in a circle": {"      keys: {condition: service_completed_successfully}", "      envoy: {condition: service_started}"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(whole), change[0]) {
				t.Fatalf("docker-compose.yaml has no %q", change[0])
			}
			path := filepath.Join(t.TempDir(), "docker-compose.yaml")
			if err := os.WriteFile(path, []byte(strings.Replace(string(whole), change[0], change[1], 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := load(t, path); err == nil {
				t.Error("got no error, want one")
			}
		})
	}
}

// TestServicesAreConfined holds every service to what a review asks of each.
func TestServicesAreConfined(t *testing.T) {
	for name, service := range composed(t).Services {
		if !service.ReadOnly {
			t.Errorf("%s can write its image's files: want read_only", name)
		}
		if !slices.Equal(service.CapDrop, []string{"ALL"}) {
			t.Errorf("%s drops the capabilities %v, want ALL", name, service.CapDrop)
		}
		if !slices.Contains(service.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may gain privileges: security_opt %v", name, service.SecurityOpt)
		}
		if service.Privileged || service.Pid != "" || service.Ipc != "" || len(service.Devices) > 0 {
			t.Errorf("%s reaches into the machine", name)
		}
		wantUser(t, name, service)
		for key, value := range service.Environment {
			if value == nil {
				t.Errorf("%s takes %s from the environment of whoever starts it", name, key)
			}
			if upper := strings.ToUpper(key); strings.Contains(upper, "PASSWORD") || strings.Contains(upper, "TOKEN") {
				t.Errorf("%s has a secret in its environment: %s", name, key)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %d on %q, want loopback", name, port.Target, port.HostIP)
			}
		}
	}
}

// wantUser lets one service be root: it has no network, and one right.
func wantUser(t *testing.T, name string, service types.ServiceConfig) {
	t.Helper()
	if name == "keys" {
		if service.NetworkMode != "none" || !slices.Equal(service.CapAdd, []string{"CHOWN"}) {
			t.Errorf("keys is root, with network %q and capabilities %v: want none, and CHOWN", service.NetworkMode, service.CapAdd)
		}
		return
	}
	if len(service.CapAdd) > 0 {
		t.Errorf("%s has the capabilities %v, want none", name, service.CapAdd)
	}
	if name == "redis" && service.User == "redis" { // the image's own
		return
	}
	if service.User != "65532:65532" {
		t.Errorf("%s runs as %q, want 65532:65532", name, service.User)
	}
}

// TestImagesArePinned wants a version, or a digest, of each image that is not built here.
func TestImagesArePinned(t *testing.T) {
	for name, service := range composed(t).Services {
		if service.Build != nil {
			continue
		}
		_, tag, _ := strings.Cut(service.Image, ":")
		if !strings.Contains(service.Image, "@sha256:") && !strings.ContainsAny(tag, "0123456789") {
			t.Errorf("%s: image %s has no version", name, service.Image)
		}
	}
}

// TestMountsAreThere looks for every file that is mounted, and wants it read-only.
func TestMountsAreThere(t *testing.T) {
	for name, service := range composed(t).Services {
		for _, mount := range service.Volumes {
			if mount.Type != types.VolumeTypeBind {
				continue
			}
			info, err := os.Stat(mount.Source)
			if err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s mounts %s: want a file (error %v)", name, mount.Source, err)
			}
			if !mount.ReadOnly {
				t.Errorf("%s may write %s", name, mount.Source)
			}
		}
	}
}

// TestSecretsGoWhereTheyAreNeeded lists who is given which secret.
func TestSecretsGoWhereTheyAreNeeded(t *testing.T) {
	may := map[string][]string{
		"server-password": {"credence", "keys"},
		"admin-password":  {"admin", "fill", "keys", "try"},
		"tokens":          {"fill", "keys", "try"},
		"registry":        {"redis"},
		"socket":          {"credence", "envoy"},
		"acl":             {"keys", "redis"},
	}
	project := composed(t)
	has := map[string][]string{}
	for name, service := range project.Services {
		for _, mount := range service.Volumes {
			if mount.Type == types.VolumeTypeVolume {
				has[mount.Source] = append(has[mount.Source], name)
			}
		}
	}
	for volume, services := range has {
		slices.Sort(services)
		if !slices.Equal(services, may[volume]) {
			t.Errorf("volume %s is mounted by %v, want %v", volume, services, may[volume])
		}
	}
	if len(has) != len(may) {
		t.Errorf("got %d volumes, want %d", len(has), len(may))
	}
	if !project.Networks["registry"].Internal {
		t.Error("the network of Redis is not internal")
	}
	for name, service := range project.Services {
		if _, joins := service.Networks["registry"]; joins && (name == "envoy" || name == "upstream") {
			t.Errorf("%s can reach Redis", name)
		}
	}
}

// TestScriptsAreWaitedFor wants each script that runs by itself to be awaited by a service that stays: `docker compose up
// --wait` takes one that has ended for a failure else.
func TestScriptsAreWaitedFor(t *testing.T) {
	project := composed(t)
	for name, service := range project.Services {
		if service.Restart != "no" || len(service.Profiles) > 0 {
			continue
		}
		awaited := false
		for _, other := range project.Services {
			needs, found := other.DependsOn[name]
			awaited = awaited || found && other.Restart != "no" && needs.Condition == types.ServiceConditionCompletedSuccessfully
		}
		if !awaited {
			t.Errorf("no service that stays waits for %s to complete", name)
		}
	}
}
