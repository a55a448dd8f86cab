package main

import (
	"fmt"
	"net"
	"strings"
	"text/template"
)

// What is measured is what envoy/envoy.yaml ships, to the letter, which a test
// holds. Not here are its access log, which costs the same whoever answers; its
// upstream, since Envoy answers by itself what its filters let pass; and its
// health checks, which a no-op would not answer.
const (
	shippedHTTP = `          codec_type: AUTO
          use_remote_address: true
          generate_request_id: true
          normalize_path: true
          merge_slashes: true
          path_with_escaped_slashes_action: REJECT_REQUEST
          common_http_protocol_options:
            headers_with_underscores_action: REJECT_REQUEST
            max_stream_duration: 900s
            idle_timeout: 3600s
          request_headers_timeout: 10s
          stream_idle_timeout: 300s
          http2_protocol_options:
            max_concurrent_streams: 100
            initial_stream_window_size: 65536
            initial_connection_window_size: 1048576
          http_filters:
`
	shippedFilter = `          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: false
              status_on_error: {code: ServiceUnavailable}
              encode_raw_headers: true
              validate_mutations: true
              include_peer_certificate: true
              clear_route_cache: false
              emit_filter_state_stats: true
              grpc_service:
                timeout: 0.2s
                envoy_grpc: {cluster_name: credence}
                retry_policy:
                  num_retries: 1
                  retry_on: connect-failure,refused-stream,reset-before-request
                  retry_back_off: {base_interval: 0.01s, max_interval: 10s}
`
	shippedCluster = `  - name: credence
    type: STATIC
    connect_timeout: 0.1s
    load_assignment:
      cluster_name: credence
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9001}}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options:
            connection_keepalive: {interval: 30s, timeout: 5s}
`
	shippedBreakers = `    circuit_breakers:
      thresholds:
      - {max_connections: 1024, max_pending_requests: 8192, max_requests: 8192, max_retries: 64}
`
)

// extAuthz gives the filter that asks a cluster.
func extAuthz(cluster string) string {
	return strings.ReplaceAll(shippedFilter, "cluster_name: credence", "cluster_name: "+cluster)
}

// authzCluster gives the cluster of a server that is asked.
func authzCluster(name, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(
		"name: credence", "name: "+name,
		"address: 127.0.0.1, port_value: 9001", fmt.Sprintf("address: %s, port_value: %s", host, port),
	).Replace(shippedCluster + shippedBreakers), nil
}

// apiKeyAuth gives Envoy's own filter that knows one key. Like credence it takes
// the key away and says whose it is.
func apiKeyAuth(key, client string) string {
	return fmt.Sprintf(`          - name: envoy.filters.http.api_key_auth
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth
              credentials: [{key: '%s', client: '%s'}]
              key_sources: [{header: authorization}]
              forwarding: {header: x-client-id, hide_credentials: true}
`, key, client)
}

// jwtAuthn gives Envoy's own filter that verifies the JWTs of one issuer, whose
// only key is in the configuration. Like credence it takes the JWT away and says
// whose it is.
func jwtAuthn(issuer, jwk string) string {
	return fmt.Sprintf(`          - name: envoy.filters.http.jwt_authn
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                issuer:
                  issuer: '%s'
                  audiences: ['%s']
                  local_jwks: {inline_string: '{"keys":[%s]}'}
                  claim_to_headers: [{header_name: x-client-id, claim_name: iss}]
              rules: [{match: {prefix: /}, requires: {provider_name: issuer}}]
`, issuer, audience, jwk)
}

// bootstrap is Envoy with a listener for each passage. A listener wants the
// PROXY protocol, so that a client can be anywhere.
var bootstrap = template.Must(template.New("bootstrap").Parse(`admin:
  address: {socket_address: {address: 127.0.0.1, port_value: 0}}
static_resources:
  listeners:
{{- range .Passages}}
  - name: {{.Listener}}
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    per_connection_buffer_limit_bytes: 32768
    listener_filters:
    - name: envoy.filters.listener.proxy_protocol
      typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {{.Listener}}
{{$.HTTP}}{{.Filter}}          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: api
            virtual_hosts:
            - name: api
              domains: ["*"]
              routes:
              - match: {prefix: /}
                direct_response: {status: 200}
{{- if .Asks}}
                typed_per_filter_config:
                  envoy.filters.http.ext_authz:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                    check_settings: {context_extensions: {api: orders, scopes: '{{$.Scopes}}'}}
{{- end}}
{{- end}}
  clusters:
{{range .Clusters}}{{.}}{{end}}`))

// envoyConfig gives the configuration for some passages.
func envoyConfig(passages []*passage) (string, error) {
	data := struct {
		Passages     []*passage
		Clusters     []string
		HTTP, Scopes string
	}{Passages: passages, HTTP: shippedHTTP, Scopes: routeScopes}
	for _, p := range passages {
		if !p.Asks() {
			continue
		}
		cluster, err := authzCluster(p.Listener, p.server.grpc)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.name, err)
		}
		data.Clusters = append(data.Clusters, cluster)
	}
	var text strings.Builder
	err := bootstrap.Execute(&text, data)
	return text.String(), err
}
