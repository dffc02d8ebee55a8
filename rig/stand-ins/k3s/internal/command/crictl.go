package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"homelab/k3s/internal/node"
)

// crictl is the reading half of crictl: images, pods, ps and info.
func crictl(arguments []string) error {
	verb := ""
	asJSON, all := false, false
	for i, argument := range arguments {
		switch {
		case !strings.HasPrefix(argument, "-") && verb == "":
			verb = argument
		case argument == "-a" || argument == "--all":
			all = true
		case argument == "-o" && i+1 < len(arguments):
			asJSON = arguments[i+1] == "json"
		case argument == "-o=json" || argument == "--output=json":
			asJSON = true
		}
	}
	connection, err := grpc.NewClient("unix://"+node.ContainerdSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	runtime := cri.NewRuntimeServiceClient(connection)
	var answer any
	var lines [][]string
	switch verb {
	case "images", "image", "img":
		response, err := cri.NewImageServiceClient(connection).ListImages(ctx, &cri.ListImagesRequest{})
		if err != nil {
			return err
		}
		answer, lines = response, [][]string{{"IMAGE", "IMAGE ID", "SIZE"}}
		for _, image := range response.Images {
			lines = append(lines, []string{strings.Join(image.RepoTags, ","), short(strings.TrimPrefix(image.Id, "sha256:")), fmt.Sprintf("%dMB", image.Size/1000/1000)})
		}
	case "pods":
		response, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		if err != nil {
			return err
		}
		answer, lines = response, [][]string{{"POD ID", "STATE", "NAME", "NAMESPACE"}}
		for _, pod := range response.Items {
			lines = append(lines, []string{short(pod.Id), strings.TrimPrefix(pod.State.String(), "SANDBOX_"), pod.Metadata.Name, pod.Metadata.Namespace})
		}
	case "ps":
		filter := &cri.ContainerFilter{}
		if !all {
			filter.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
		}
		response, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: filter})
		if err != nil {
			return err
		}
		answer, lines = response, [][]string{{"CONTAINER", "IMAGE", "STATE", "NAME", "POD"}}
		for _, container := range response.Containers {
			lines = append(lines, []string{
				short(container.Id), container.Image.GetImage(), strings.TrimPrefix(container.State.String(), "CONTAINER_"),
				container.Metadata.Name, container.Labels["io.kubernetes.pod.name"],
			})
		}
	case "info", "version":
		response, err := runtime.Version(ctx, &cri.VersionRequest{})
		if err != nil {
			return err
		}
		answer, asJSON = response, true
	default:
		return fmt.Errorf("the k3s stand-in's crictl has images, pods, ps and info, not %q; use k3s ctr for more", verb)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(answer)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(table, strings.Join(line, "\t"))
	}
	return table.Flush()
}

func short(id string) string { return id[:min(13, len(id))] }
