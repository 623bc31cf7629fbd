"""How plots are drawn: SVG, the same bytes for the same points. The only importer of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from benchmarks.suite.question import Plot, Point

_COLOURS = {"s3audit": "#d1495b", "aiobotocore": "#30638e", "threads": "#66a182", "original": "#8d6a9f"}
"""A contender has the same colour wherever it is shown."""
_OTHERS = ("#edae49", "#2e4057", "#00798c", "#8d96a3", "#b56576", "#6d597a")
_IDEAL = "ideal"
_STYLE: dict[Any, Any] = {  # newer releases take a literal type of all their names, older ones any text
    "svg.hashsalt": "s3audit",  # ids in the file are hashes of it; by default of a random number
    "svg.fonttype": "none",  # text stays text: small files, and a difference can be read
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "figure.facecolor": "white",  # on a dark page too, as the text is black
}
_METADATA = {"Date": None, "Creator": None}  # would make each drawing another file


def draw_all(plots: Iterable[Plot], folder: Path) -> None:
    """Draw all plots into a folder that is there, as `NAME.svg`."""
    for plot in plots:
        draw(plot, folder / f"{plot.name}.svg")


def draw(plot: Plot, path: Path) -> None:
    """Draw one plot. There has to be a point in it."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot()
        if plot.log_x:
            axes.set_xscale("log")
        if plot.log_y:
            axes.set_yscale("log")
        points = [point for series in plot.series.values() for point in series]
        if any(isinstance(point.x, str) for point in points):
            _bars(axes, plot.series)
        else:
            _lines(axes, plot.series)
            if plot.log_x:
                _label(axes.xaxis, FixedLocator(sorted({float(point.x) for point in points})))
        if plot.log_y:
            _label(axes.yaxis, LogLocator(subs=(1.0, 2.0, 5.0)))
        else:
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
        if len(plot.series) > 1:
            axes.legend(frameon=False)
        figure.savefig(path, format="svg", metadata=_METADATA)


def _lines(axes: Axes, series: Mapping[str, tuple[Point, ...]]) -> None:
    colours = _colours(series)
    for name, points in series.items():
        x = [float(point.x) for point in points]
        if name == _IDEAL:
            axes.plot(x, [point.y for point in points], color="black", linestyle="--", linewidth=1, label=name)
            continue
        axes.plot(x, [point.y for point in points], color=colours[name], marker="o", markersize=4, label=name)
        axes.fill_between(
            x,
            [point.least for point in points],
            [point.most for point in points],
            color=colours[name],
            alpha=0.2,
            linewidth=0,
        )


def _bars(axes: Axes, series: Mapping[str, tuple[Point, ...]]) -> None:
    """Draw groups of bars, one for each x in the order of its first appearance, each with its number above it."""
    places = {x: place for place, x in enumerate(dict.fromkeys(str(p.x) for own in series.values() for p in own))}
    width = 0.8 / len(series)
    by_series, by_x = _colours(series), _colours(places)
    for number, (name, points) in enumerate(series.items()):
        bars = axes.bar(
            [places[str(point.x)] + (number - (len(series) - 1) / 2) * width for point in points],
            [point.y for point in points],
            width,
            color=[by_x[str(point.x)] if len(series) == 1 else by_series[name] for point in points],
            yerr=[[point.y - point.least for point in points], [point.most - point.y for point in points]],
            capsize=3,
            label=name,
        )
        axes.bar_label(bars, labels=[_plain(point.y) for point in points], padding=3, fontsize=9)
    axes.set_xticks(list(places.values()), list(places))
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.15)


def _colours(names: Iterable[str]) -> dict[str, str]:
    others = iter(_OTHERS * 4)
    return {name: _COLOURS.get(name) or next(others) for name in names}


def _label(axis: Axis, locator: FixedLocator | LogLocator) -> None:
    """Write numbers as people do, and not as powers of ten."""
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _plain(value: float, _: int | None = None) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
