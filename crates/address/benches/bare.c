/* The least that it takes: adds COUNT addresses 10.5.x.y/32 to INTERFACE, one netlink request and its answer after the other,
 * and announces each by an ARP request and an ARP reply. Prints the microseconds. */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void add(int route, int index, uint32_t address, uint32_t number)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg about;
        struct rtattr local;
        uint32_t address;
    } request = {
        .head = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWADDR, .nlmsg_seq = number,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
        .about = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index },
        .local = { .rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL },
        .address = address,
    };
    if (send(route, &request, sizeof request, 0) != sizeof request)
        fail("send to netlink");
    char answer[4096];
    if (recv(route, answer, sizeof answer, 0) < (ssize_t)sizeof(struct nlmsghdr))
        fail("receive from netlink");
    struct nlmsghdr *head = (struct nlmsghdr *)answer;
    if (head->nlmsg_type != NLMSG_ERROR || ((struct nlmsgerr *)NLMSG_DATA(head))->error != 0)
        exit(2);
}

static void announce(int wire, int index, const unsigned char *mac, uint32_t address)
{
    for (int operation = ARPOP_REQUEST; operation <= ARPOP_REPLY; operation++) {
        struct __attribute__((packed)) {
            struct ether_header ether;
            struct arphdr about;
            unsigned char from[6];
            uint32_t source;
            unsigned char to[6];
            uint32_t target;
        } frame = {
            .ether.ether_type = htons(ETHERTYPE_ARP),
            .about = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4, htons(operation) },
            .source = address,
            .target = address,
        };
        memset(frame.ether.ether_dhost, 0xff, 6);
        memset(frame.to, 0xff, 6);
        memcpy(frame.ether.ether_shost, mac, 6);
        memcpy(frame.from, mac, 6);
        struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index, .sll_halen = 6 };
        memset(to.sll_addr, 0xff, 6);
        if (sendto(wire, &frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to) < 0)
            fail("send a frame");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    int count = atoi(argv[2]), index = (int)if_nametoindex(argv[1]);
    int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct ifreq link = { 0 };
    strncpy(link.ifr_name, argv[1], sizeof link.ifr_name - 1);
    if (index == 0 || route < 0 || wire < 0 || ioctl(wire, SIOCGIFHWADDR, &link) != 0)
        fail("begin");
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int number = 0; number < count; number++) {
        uint32_t address = htonl(0x0a050000u + (uint32_t)number + 1);
        add(route, index, address, (uint32_t)number);
        announce(wire, index, (unsigned char *)link.ifr_hwaddr.sa_data, address);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld\n", (end.tv_sec - begin.tv_sec) * 1000000L + (end.tv_nsec - begin.tv_nsec) / 1000);
    return 0;
}
