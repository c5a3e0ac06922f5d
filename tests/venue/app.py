"""Puts the server together: world, four venues, control port; one loop; SIGTERM."""
import asyncio
import json
import os
import signal
import socket
import sys

from venue.binance import BinancePerp, BinanceSpot
from venue.bybit import BybitPerp, BybitSpot
from venue.certificates import Certificates
from venue.control import Control, play_scenario, read_scenario, venue_names
from venue.recording import read
from venue.settings import parse, wall_ms
from venue.world import TICK_S, Clock, World

CLASSES = (BinanceSpot, BinancePerp, BybitSpot, BybitPerp)


def host_name():
    """localhost where it is known, as the certificate has it; else its address."""
    try:
        socket.getaddrinfo('localhost', None, socket.AF_INET)
        return 'localhost'
    except OSError:
        return '127.0.0.1'


def make_world(options, settings):
    rows = first_id = None
    if options.recording:
        rows, first_id = read(options.recording, options.symbol)
        base = options.symbol.upper().removesuffix('USDT')
        if base not in settings.symbols:
            settings.symbols.append(base)
    original = options.times == 'original' and rows
    start_ms = rows[0][0] - 500 if original else wall_ms()
    world = World(settings, Clock(start_ms, options.speed))
    if rows:
        for venue in venue_names(options.venues or 'all'):
            world.play(venue, options.symbol.upper(), rows, first_id)
    world.held = options.hold
    return world


def make_venues(world, options):
    certificates = Certificates(options.tls) if options.tls else None
    venues = {cls.name: cls(world, certificates) for cls in CLASSES}
    pair = {venue.category: venue for venue in venues.values() if hasattr(venue, 'category')}
    for venue in venues.values():
        world.listeners[venue.name] = venue
        if hasattr(venue, 'category'):
            venue.siblings = pair
    return venues


def addresses(venues, control, tls):
    host, s = host_name(), 's' if tls else ''
    lines = {name: {'ws': f'ws{s}://{host}:{venue.port}', 'rest': f'http{s}://{host}:{venue.port}'}
             for name, venue in venues.items()}
    lines['control'] = f'http://127.0.0.1:{control.port}'
    if tls:
        lines['ca'] = os.path.join(os.path.abspath(tls), 'ca.pem')
    lines['pid'] = os.getpid()
    return lines


async def tick_for_ever(world, stopping):
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not stopping.is_set():
        world.tick()
        due = max(due + TICK_S, loop.time() - 0.1)
        await asyncio.sleep(max(0, due - loop.time()))


async def watch_input(stopping):
    """Ends the server with whoever holds the other end of standard input."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4_096):
        pass
    stopping.set()


async def serve(options, settings):
    steps = read_scenario(options.scenario) if options.scenario else []
    world = make_world(options, settings)
    venues = make_venues(world, options)
    control = Control(world, venues, options.times == 'original')
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    world.begin()
    await control.start()
    for venue in venues.values():
        venue.listen()
    if not world.held:
        world.go(options.times == 'original')
    print(json.dumps(addresses(venues, control, options.tls)), flush=True)
    work = [asyncio.ensure_future(play_scenario(control, steps))]
    if options.until_eof:
        work.append(asyncio.ensure_future(watch_input(stopping)))
    try:
        await tick_for_ever(world, stopping)
    finally:
        control.server.close()
        for venue in venues.values():
            venue.stop()
        for task in work + [t for venue in venues.values() for t in venue.tasks]:
            task.cancel()
        world.truth.close()


def main(argv=None):
    options, settings = parse(argv)
    asyncio.run(serve(options, settings))
    return 0
