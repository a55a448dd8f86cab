package main

import (
	"testing"
)

func TestLocate(t *testing.T) {
	const text = `{"listener_statuses": [
		{"name": "second", "local_address": {"socket_address": {"address": "127.0.0.1", "port_value": 4002}}},
		{"name": "first", "local_address": {"socket_address": {"address": "127.0.0.1", "port_value": 4001}}}]}`
	passages := []*passage{{Listener: "first"}, {Listener: "second"}}
	if err := locate([]byte(text), passages); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"127.0.0.1:4001", "127.0.0.1:4002"} {
		if got := passages[i].address; got != want {
			t.Errorf("%s is at %q, want %q", passages[i].Listener, got, want)
		}
	}
	for name, text := range map[string]string{"another's": text, "none": "{}", "no JSON": "never"} {
		if err := locate([]byte(text), []*passage{{Listener: "third"}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEnvoyStat(t *testing.T) {
	const text = "cluster.a.upstream_rq_total: 12\ncluster.a.upstream_rq_time: P0(1,1)\ncluster.a.upstream_cx_rx_bytes_total: 4096\n"
	for name, want := range map[string]float64{
		"cluster.a.upstream_rq_total": 12, "cluster.a.upstream_cx_rx_bytes_total": 4096, "cluster.a.upstream_rq_time": 0, "cluster.a.upstream_rq": 0,
	} {
		if got := envoyStat([]byte(text), name); got != want {
			t.Errorf("envoyStat(%s) = %v, want %v", name, got, want)
		}
	}
}
