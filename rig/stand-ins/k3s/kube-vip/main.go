// Stand-in for kube-vip in the one way the lab uses it: `manager` with ARP and leader election for the control plane's
// virtual address. Same environment variables, same lease; whoever holds the lease has the address and says so by ARP.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// announceEvery is kube-vip's default rate of gratuitous ARP, for switches and hosts that forget.
const announceEvery = 3 * time.Second

func main() {
	if len(os.Args) != 2 || os.Args[1] != "manager" {
		fail("usage: kube-vip manager")
	}
	for _, required := range []string{"vip_arp", "cp_enable", "vip_leaderelection"} {
		if on, _ := strconv.ParseBool(os.Getenv(required)); !on {
			fail(required + " must be true: this stand-in of kube-vip does the control plane's address by ARP and leader election only")
		}
	}
	vip, err := newAddress(os.Getenv("address"), os.Getenv("vip_interface"))
	if err != nil {
		fail(err.Error())
	}
	// A holder that was killed leaves the address behind; it counts only with the lease.
	if err := vip.remove(); err != nil {
		fail(err.Error())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := hold(ctx, vip); err != nil {
		fail(err.Error())
	}
}

func fail(text string) {
	slog.Error(text)
	os.Exit(1)
}

func hold(ctx context.Context, vip *address) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// This node's own API server rather than the service's address, behind which a dead one may stand for a while.
	config.Host = net.JoinHostPort("127.0.0.1", or(os.Getenv("port"), "6443"))
	duration, deadline, retry := seconds("vip_leaseduration", 5), seconds("vip_renewdeadline", 3), seconds("vip_retryperiod", 1)
	config.Timeout = deadline
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	identity, err := os.Hostname()
	if err != nil {
		return err
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta: meta.ObjectMeta{Name: or(os.Getenv("vip_leasename"), "plndr-cp-lock"), Namespace: or(os.Getenv("cp_namespace"), "kube-system")},
		Client:    client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	for ctx.Err() == nil {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, LeaseDuration: duration, RenewDeadline: deadline, RetryPeriod: retry,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: vip.keep,
				OnStoppedLeading: func() {
					if err := vip.remove(); err != nil {
						slog.Error("removing the address", "error", err.Error())
					}
				},
				OnNewLeader: func(leader string) { slog.Info("holder of the virtual address", "node", leader) },
			},
		})
	}
	return nil
}

func seconds(name string, fallback int) time.Duration {
	if given, err := strconv.Atoi(os.Getenv(name)); err == nil && given > 0 {
		fallback = given
	}
	return time.Duration(fallback) * time.Second
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// address is the virtual address on one network card.
type address struct {
	link netlink.Link
	ip   net.IP
	own  *netlink.Addr
}

func newAddress(ip, device string) (*address, error) {
	parsed := net.ParseIP(ip).To4()
	if parsed == nil {
		return nil, fmt.Errorf("address: %q is not an IPv4 address", ip)
	}
	link, err := card(device)
	if err != nil {
		return nil, err
	}
	network := &net.IPNet{IP: parsed, Mask: net.CIDRMask(32, 32)}
	return &address{link: link, ip: parsed, own: &netlink.Addr{IPNet: network}}, nil
}

// card is the named one, else that of the default route.
func card(device string) (netlink.Link, error) {
	if device != "" {
		return netlink.LinkByName(device)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for _, route := range routes {
		if route.Dst == nil || route.Dst.IP.IsUnspecified() {
			return netlink.LinkByIndex(route.LinkIndex)
		}
	}
	return nil, fmt.Errorf("this machine has no default route: set vip_interface")
}

// keep takes the address and announces it until the context ends. As kube-vip it looks each time whether the address is still
// there: a holder that ends late, as after a restore, takes it away from this one.
func (a *address) keep(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.take(); err != nil {
			slog.Error("taking the address", "error", err.Error())
		} else if err := a.announce(); err != nil {
			slog.Error("announcing the address", "error", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(announceEvery):
		}
	}
}

func (a *address) take() error {
	present, err := a.present()
	if err != nil || present != nil {
		return err
	}
	if err := netlink.AddrReplace(a.link, a.own); err != nil {
		return err
	}
	slog.Info("this node has the virtual address", "address", a.ip.String(), "card", a.link.Attrs().Name)
	return nil
}

// present is the address as it is on the card, nil where it is not.
func (a *address) present() (*netlink.Addr, error) {
	addresses, err := netlink.AddrList(a.link, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for i := range addresses {
		if addresses[i].IP.Equal(a.ip) {
			return &addresses[i], nil
		}
	}
	return nil, nil
}

func (a *address) remove() error {
	present, err := a.present()
	if err != nil || present == nil {
		return err
	}
	return netlink.AddrDel(a.link, present)
}

// announce broadcasts a gratuitous ARP reply: "the address is at this card".
func (a *address) announce() error {
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, int(swap(syscall.ETH_P_ARP)))
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	return syscall.Sendto(socket, gratuitous(a.link.Attrs().HardwareAddr, a.ip), 0, &syscall.SockaddrLinklayer{
		Protocol: swap(syscall.ETH_P_ARP), Ifindex: a.link.Attrs().Index, Halen: 6, Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	})
}

// swap gives the network's byte order.
func swap(value uint16) uint16 { return value<<8 | value>>8 }

// gratuitous is an Ethernet frame with an ARP reply whose sender and target are the same address.
func gratuitous(mac net.HardwareAddr, ip net.IP) []byte {
	broadcast := net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame := append(append(append([]byte{}, broadcast...), mac...), 0x08, 0x06)
	frame = append(frame, 0, 1, 0x08, 0, 6, 4, 0, 2)
	frame = append(append(frame, mac...), ip.To4()...)
	return append(append(frame, broadcast...), ip.To4()...)
}
