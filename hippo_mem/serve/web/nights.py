"""The page of sleep: begin a night, watch it, stop it; every night with its report; when to sleep by itself.

Knows nothing of how a night is trained.
"""

from __future__ import annotations

from nicegui import ui

from hippo_mem.home import held_by, open_home
from hippo_mem.serve.bedroom import SleepRun
from hippo_mem.serve.web.frame import Visit, sure, told, when
from hippo_mem.sleep import Night
from hippo_mem.sleep.schedule import SleepSchedule

_LOOK_S = 1.0


class Nights:
    """One open page of sleep."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.seen: str | None = None
        self.lock = open_home(visit.house.people.root, visit.user).sleep_lock

    async def draw(self) -> None:
        """The bed, the nights, the alarm clock."""
        with ui.card().classes("w-full gap-2"):
            self.state = ui.label("").classes("text-lg").props("role=status aria-live=polite")
            self.detail = ui.label("").classes("text-sm opacity-80")
            self.bar = ui.linear_progress(value=0.0, show_value=False).props('aria-label="How far the night is"')
            with ui.row():
                self.go = ui.button("Sleep now", icon="bedtime", on_click=told(self.sleep)).props("no-caps unelevated")
                self.stop = ui.button("Stop", on_click=told(self.wake)).props("no-caps flat color=negative")
        self.listing()
        await self.alarm()
        ui.timer(0.0, told(self.look), once=True)
        ui.timer(_LOOK_S, told(self.look))

    async def look(self) -> None:
        """How it goes."""
        run = self.visit.house.bedroom.run_of(self.visit.user)
        running = run is not None and run.state == "running"
        elsewhere = None if running else held_by(self.lock)
        self.go.set_visibility(not running and elsewhere is None)
        self.stop.set_visibility(running)
        self.bar.set_visibility(running)
        if run is not None and running:
            self.bar.value = run.done / run.total if run.total else 0.0
            eta = run.eta_s
            self.state.set_text(f"Asleep: {run.stage}" + (f", {run.done} of {run.total}" if run.total else ""))
            left = "" if eta is None else f"; about {eta:.0f} s left in this part"
            self.detail.set_text(f"Since {when(run.started)}, {_why(run)}{left}. Stopping it loses nothing.")
            self.seen = None
        elif elsewhere is not None:
            self.state.set_text("Asleep, begun outside of this server")
            self.detail.set_text(f"{elsewhere}; it is stopped where it was begun")
            self.seen = None
        else:
            mark = f"{run.state}-{run.ended}" if run is not None else "awake"
            if mark == self.seen:
                return
            waiting = await self.visit.use(lambda h: h.n_waiting())
            self.state.set_text(_ended(run) if run is not None else "Awake")
            n = f"{waiting} {'memory waits' if waiting == 1 else 'memories wait'} to be learned"
            self.detail.set_text(n if waiting else "Everything told is learned")
            self.seen = mark
            await self.reload()

    async def reload(self) -> None:
        """Read the nights anew."""
        self.nights = await self.visit.use(lambda h: h.nights())
        self.listing.refresh()

    nights: list[Night] = []  # noqa: RUF012 - replaced by the first look

    @ui.refreshable_method
    def listing(self) -> None:
        """Every night, newest first."""
        for night in reversed(self.nights):
            with ui.card().classes("w-full gap-1 p-3").props(f'aria-label="night {night.number}"'):
                with ui.row().classes("w-full items-center gap-2"):
                    ui.label(f"Night {night.number}").classes("text-base font-medium")
                    ui.badge("in force" if night.in_force else night.status,
                             color="positive" if night.in_force else "grey").props("outline")  # fmt: skip
                    ui.label(when(night.created)).classes("text-xs opacity-80")
                    ui.space()
                    address = self.visit.link(f"/api/nights/{night.number}/report")
                    ui.button("Report", on_click=lambda a=address: self.report(a)).props("flat dense no-caps")
                    if night.in_force:
                        ui.button("Undo", on_click=told(self.undo)).props("flat dense no-caps color=negative")
                recall = "" if night.recall is None else f", right with memory off: {night.recall:.0%}"
                ui.label(f"{night.n_facts} memories, {night.n_new} of them new{recall}, {night.seconds:.0f} s").classes(
                    "text-sm"
                )
                ui.label(night.reason).classes("text-sm opacity-80 break-words")

    def report(self, address: str) -> None:
        """The night's page in a window of its own."""
        with ui.dialog().props("maximized") as dialog, ui.card().classes("w-full h-full p-2"):
            ui.button("Close", on_click=dialog.close).props("flat no-caps").classes("ml-auto")
            ui.element("iframe").props(f'src="{address}" title="Report of the night"').classes("w-full grow border-0")
        dialog.open()

    async def alarm(self) -> None:
        """When to sleep by itself."""
        schedule = await self.visit.use(lambda h: h.schedule)
        with ui.card().classes("w-full gap-2"):
            ui.label("Sleep by itself").classes("text-base font-medium")
            with ui.row().classes("items-center gap-4"):
                hour = (
                    ui.time_input("Every night at", value=schedule.at).props("outlined dense clearable").classes("w-44")
                )
                full = ui.switch("When much is new", value=schedule.when_full)
                size = ui.number("A night learns", value=schedule.capacity, min=1, max=1000, precision=0).classes(
                    "w-32"
                )
                size.props('outlined dense suffix="memories"')

                async def save() -> None:
                    new = SleepSchedule(at=hour.value or None, when_full=full.value, capacity=int(size.value or 0))
                    await self.visit.use(lambda h: setattr(h, "schedule", new))
                    ui.notify("saved", type="positive")

                ui.button("Save", on_click=told(save)).props("flat no-caps")

    async def sleep(self) -> None:
        """Begin."""
        self.visit.house.bedroom.start(self.visit.user)
        await self.look()

    async def wake(self) -> None:
        """Stop; nothing is lost."""
        from anyio import to_thread

        await to_thread.run_sync(self.visit.house.bedroom.stop, self.visit.user)
        await self.look()

    async def undo(self) -> None:
        """Go back one night, after a question."""
        if await sure("Undo the last night? What it learned will be learned anew by the next sleep.", "Undo"):
            night = await self.visit.use(lambda h: h.undo_night())
            ui.notify(
                "the base model speaks alone again" if night is None else f"night {night.number} is in force again"
            )
            self.seen = None
            await self.look()


async def draw(visit: Visit) -> None:
    """The page."""
    await Nights(visit).draw()


def _why(run: SleepRun) -> str:
    return "as you asked" if run.why == "asked" else f"by itself: {run.why}"


def _ended(run: SleepRun) -> str:
    if run.state == "done":
        report = run.report or {}
        return f"Awake. The night was {report.get('verdict', 'over')}: {report.get('reason', '')}"
    if run.state == "stopped":
        return "Awake. The night was stopped; what was in force before still is."
    return f"Awake. The night failed: {run.error}"
