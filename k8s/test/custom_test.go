package k8s

import "sigs.k8s.io/yaml"

// A customResource is one, as far as it is looked at.
type customResource[T any] struct {
	object
	Spec T
}

// custom gives the resources of a kind. What is no such resource is left out:
// customResources tells of it.
func custom[T any](form []object, group, kind string) []customResource[T] {
	var found []customResource[T]
	for _, o := range form {
		if o.Group != group || o.Kind != kind {
			continue
		}
		var content struct {
			Spec T `json:"spec"`
		}
		if err := yaml.Unmarshal(o.yaml, &content); err == nil {
			found = append(found, customResource[T]{o, content.Spec})
		}
	}
	return found
}

// A reference names an object.
type reference struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Port      int32  `json:"port"`
}

type peerAuthentication struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	MTLS          mode            `json:"mtls"`
	PortLevelMTLS map[string]mode `json:"portLevelMtls"`
}

type mode struct {
	Mode string `json:"mode"`
}

type authorizationPolicy struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	Action   string `json:"action"`
	Provider struct {
		Name string `json:"name"`
	} `json:"provider"`
	TargetRefs []reference `json:"targetRefs"`
	Rules      []struct {
		From []struct {
			Source struct {
				Principals []string `json:"principals"`
			} `json:"source"`
		} `json:"from"`
		To []struct {
			Operation struct {
				Ports []string `json:"ports"`
			} `json:"operation"`
		} `json:"to"`
	} `json:"rules"`
}

type certificate struct {
	SecretName string    `json:"secretName"`
	DNSNames   []string  `json:"dnsNames"`
	URIs       []string  `json:"uris"`
	Usages     []string  `json:"usages"`
	IssuerRef  reference `json:"issuerRef"`
}

type referenceGrant struct {
	From []reference `json:"from"`
	To   []reference `json:"to"`
}

type securityPolicy struct {
	TargetRefs []reference `json:"targetRefs"`
	ExtAuth    struct {
		FailOpen      bool   `json:"failOpen"`
		StatusOnError int    `json:"statusOnError"`
		Timeout       string `json:"timeout"`
		GRPC          struct {
			BackendRefs []reference `json:"backendRefs"`
		} `json:"grpc"`
		HeadersToExtAuth []string `json:"headersToExtAuth"`
		RecomputeRoute   bool     `json:"recomputeRoute"`
	} `json:"extAuth"`
}

type backendTLSPolicy struct {
	TargetRefs []reference `json:"targetRefs"`
	Validation struct {
		Hostname          string      `json:"hostname"`
		CACertificateRefs []reference `json:"caCertificateRefs"`
	} `json:"validation"`
}

type envoyProxy struct {
	BackendTLS struct {
		ClientCertificateRef reference `json:"clientCertificateRef"`
		MaxVersion           string    `json:"maxVersion"`
		ALPNProtocols        []string  `json:"alpnProtocols"`
	} `json:"backendTLS"`
}

// Of kgateway's, what its documentation says.
type gatewayExtension struct {
	ExtAuth struct {
		FailOpen    bool `json:"failOpen"`
		GRPCService struct {
			BackendRef reference `json:"backendRef"`
		} `json:"grpcService"`
	} `json:"extAuth"`
}
