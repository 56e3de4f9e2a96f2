/** The reader of traces sees every form of destination that strace writes, and no other line. */
import { expect, test } from '@jest/globals';
import { destinationsOf, unreadSockets } from './traced-destinations.ts';

const TRACE = `101 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 20
101 connect(20, {sa_family=AF_INET, sin_port=htons(1883), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS
102 sendto(21, "\\1\\2", 2, MSG_NOSIGNAL, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = 2
102 sendmmsg(21, [{msg_hdr={msg_name={sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, msg_namelen=28}}], 1, 0) = 1
103 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT
103 sendto(6, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20
104 sendto(20, "GET", 3, MSG_NOSIGNAL, NULL, 0) = 3
104 <... connect resumed>) = 0
105 socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) = 9
`;

test('connects and datagrams to the internet are destinations, sockets of the machine are not', () => {
  expect(destinationsOf(TRACE)).toEqual([
    { pid: 101, call: 'connect', host: '127.0.0.1', port: 1883 },
    { pid: 102, call: 'sendto', host: '192.0.2.1', port: 53 },
    { pid: 102, call: 'sendmmsg', host: '2001:db8::1', port: 443 },
  ]);
});

test('a socket of a family that is not read is named', () => {
  expect(unreadSockets(TRACE)).toEqual(['105 socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) = 9']);
});
