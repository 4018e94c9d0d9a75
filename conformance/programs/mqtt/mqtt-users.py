#!/usr/bin/env python3
"""What users of paho write, over MQTT 3.1.1 and 5.0, TCP and WebSocket: `mqtt-users.py PORT WS_PORT WS_PATH`.

Prints a line for each thing that works, and ends with 1 at the first that does not."""
import queue
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PORT, WS_PORT, WS_PATH = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
TIMEOUT_S = 10


class User:
    """A client whose messages and events are waited for, never slept for."""

    def __init__(self, name, version, web=False, clean=True, will=None, expiry_s=None):
        transport = "websockets" if web else "tcp"
        options = {} if version == mqtt.MQTTv5 else {"clean_session": clean}
        self.client = mqtt.Client(f"paho-{name}-{version}", protocol=version, transport=transport, **options)
        self.client.username_pw_set("guest", "guest")
        self.messages, self.events = queue.Queue(), queue.Queue()
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_connect = lambda _c, _u, flags, code, *rest: self.events.put(("connect", flags, int_of(code)))
        self.client.on_subscribe = lambda _c, _u, mid, codes, *rest: self.events.put(("subscribe", [int_of(c) for c in codes]))
        self.client.on_unsubscribe = lambda *args: self.events.put(("unsubscribe",))
        if will is not None:
            self.client.will_set(will, b"gone", qos=1)
        if web:
            self.client.ws_set_options(path=WS_PATH)
        more = {}
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            if expiry_s is not None:
                properties.SessionExpiryInterval = expiry_s
            more = {"clean_start": clean, "properties": properties}
        self.client.connect("127.0.0.1", WS_PORT if web else PORT, keepalive=30, **more)
        self.client.loop_start()
        kind, self.flags, code = self.events.get(timeout=TIMEOUT_S)
        expect((kind, code), ("connect", 0))

    def subscribe(self, *args, **more):
        self.client.subscribe(*args, **more)
        return self.events.get(timeout=TIMEOUT_S)[1]

    def publish(self, topic, payload, **more):
        info = self.client.publish(topic, payload, **more)
        info.wait_for_publish(TIMEOUT_S)
        expect(info.is_published(), True)

    def message(self):
        return self.messages.get(timeout=TIMEOUT_S)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def cut(self):
        self.client._sock_close()
        self.client.loop_stop()


def int_of(code):
    return code.value if hasattr(code, "value") else code


def expect(got, wanted):
    if got != wanted:
        raise SystemExit(f"expected {wanted!r}, got {got!r}")


def each_qos(version, web):
    user = User("qos", version, web=web)
    topic = f"paho/{version}/{web}"
    expect(user.subscribe(topic + "/#", 2), [2])
    for qos in (0, 1, 2):
        user.publish(f"{topic}/{qos}", f"body {qos}", qos=qos)
        got = user.message()
        expect((got.topic, got.payload, got.qos, got.retain), (f"{topic}/{qos}", f"body {qos}".encode(), qos, False))
    user.client.unsubscribe(topic + "/#")
    expect(user.events.get(timeout=TIMEOUT_S), ("unsubscribe",))
    user.leave()


def retained(version):
    user = User("retained", version)
    topic = f"paho/{version}/retained"
    user.publish(topic, "kept", qos=1, retain=True)
    user.subscribe(topic, 1)
    got = user.message()
    expect((got.payload, got.retain), (b"kept", True))
    user.publish(topic, b"", qos=1, retain=True)
    user.leave()


def will(version):
    watcher = User("watcher", version)
    topic = f"paho/{version}/will"
    watcher.subscribe(topic, 1)
    User("mortal", version, will=topic).cut()
    expect(watcher.message().payload, b"gone")
    watcher.leave()


def session(version):
    topic = f"paho/{version}/session"
    first = User("keeper", version, clean=False, expiry_s=300)
    first.subscribe(topic, 2)
    first.leave()
    publisher = User("publisher", version)
    for i in range(10):
        publisher.publish(topic, str(i), qos=2)
    publisher.leave()
    second = User("keeper", version, clean=False, expiry_s=300)
    expect(second.flags["session present"], 1)
    expect([second.message().payload for _ in range(10)], [str(i).encode() for i in range(10)])
    second.leave()
    User("keeper", version, clean=True).leave()


def request_and_response():
    server, client = User("server", mqtt.MQTTv5), User("client", mqtt.MQTTv5)
    server.subscribe("paho/5/requests", 1)
    client.subscribe("paho/5/answers", 1)
    ask = Properties(PacketTypes.PUBLISH)
    ask.ResponseTopic, ask.CorrelationData, ask.ContentType = "paho/5/answers", b"\x00\x17", "text/plain"
    ask.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
    client.publish("paho/5/requests", "sum 1 2", qos=1, properties=ask)
    got = server.message()
    expect(got.properties.UserProperty, [("b", "1"), ("a", "2"), ("b", "3")])
    expect(got.properties.ContentType, "text/plain")
    answer = Properties(PacketTypes.PUBLISH)
    answer.CorrelationData = got.properties.CorrelationData
    server.publish(got.properties.ResponseTopic, "3", qos=1, properties=answer)
    got = client.message()
    expect((got.payload, got.properties.CorrelationData), (b"3", b"\x00\x17"))
    server.leave()
    client.leave()


def options_of_subscriptions():
    user, other = User("options", mqtt.MQTTv5), User("other", mqtt.MQTTv5)
    options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=2)
    other.publish("paho/5/options", "before", qos=1, retain=True)
    user.subscribe("paho/5/options", options=options)
    user.publish("paho/5/options", "mine", qos=1)
    other.publish("paho/5/options", "theirs", qos=1, retain=True)
    got = user.message()
    expect((got.payload, got.retain), (b"theirs", True))
    other.publish("paho/5/options", b"", qos=1, retain=True)
    user.leave()
    other.leave()


for version, name in ((mqtt.MQTTv311, "3.1.1"), (mqtt.MQTTv5, "5.0")):
    for web in (False, True):
        each_qos(version, web)
        print(f"{name}: each QoS {'over WebSocket' if web else 'over TCP'}", flush=True)
    for what in (retained, will, session):
        what(version)
        print(f"{name}: {what.__name__}", flush=True)
request_and_response()
print("5.0: request and response", flush=True)
options_of_subscriptions()
print("5.0: options of subscriptions", flush=True)
