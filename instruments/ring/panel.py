"""What stands on the front panel of the ring, in reading order."""

from diffusion_lab.app.instrument.front_panel import (
    Bars,
    Brush,
    Choice,
    FrontPanel,
    Legend,
    Measure,
    Menu,
    Readout,
    Slider,
    Toggles,
    Transport,
)

FRONT_PANEL = FrontPanel(
    frames="t",
    readouts=[
        Readout("t", "t"),
        Readout("alpha_bar", "ᾱ(t)"),
        Readout("signal", "signal"),
        Readout("noise", "noise"),
        Readout("nfe", "NFE"),
    ],
    controls=[
        Choice("mode"),
        Slider("t", symbol="t", when="mode:clean|forward"),
        Slider("progress", when="mode:reverse"),
        Menu("data_set"),
        Menu("num_points"),
        Menu("sampler"),
        Slider("num_levels"),
        Slider("langevin_steps", when="sampler:Langevin"),
        Slider("eta", symbol="η", when="sampler:DDIM"),
        Toggles(("show_field", "show_density", "show_paths")),
        Transport(run="Sample", plays="progress", seconds=5),
    ],
    measures=[
        Bars(
            "mode_mass",
            "Mass per cluster",
            target=1 / 6,
            full_scale=0.25,
            doc="Share of the points nearest each cluster's centre; the dashed line is the true share.",
            when="data_set:ring",
        ),
        Measure(
            "within",
            "within 3σ of a centre",
            doc="Share of the points within 3 standard deviations of the centre of one of the clean Gaussians.",
        ),
        Measure(
            "distance",
            "distance to the truth",
            doc="Maximum mean discrepancy (Gaussian kernel, width 0.5) between the points and the exact density at"
            " this t, beside what as many perfect draws come to by chance.",
            beside="perfect draw",
        ),
    ],
    legends=[
        Legend("score ∇ log p", "field", when="show_field"),
        Legend("last steps of 40 points", "acc", when="show_paths"),
    ],
    pads=[Brush("drawing", label="Draw the data here", when="data_set:drawn")],
)
