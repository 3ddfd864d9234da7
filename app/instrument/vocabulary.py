"""The public vocabulary: names of settings and values in addresses, presets and embed codes.

Frozen: links made by teachers must keep working. A setting has the same name in all instruments. A former name stays
readable as an alias. Labels for people are separate (`settings.py`).
"""

from __future__ import annotations

#: Setting → its meaning, the same in all instruments.
GLOSSARY: dict[str, str] = {
    "batch_size": "pairs or points that are treated together",
    "block": "tokens that are drafted in one pass",
    "chart_shows": "the quantity in the chart",
    "churn": "fresh noise of EDM's sampler, S_churn",
    "condition": "the condition that samples should meet",
    "consistency_map": "the map from noise to data that samples: exact or learned",
    "convention": "how guidance is counted: w, or w' = w - 1",
    "data_set": "the data",
    "drawing": "points drawn by the reader, four base-36 digits each",
    "dropout": "share of training examples that lose their condition",
    "eta": "DDIM: fresh noise, 0 none, 1 as much as DDPM",
    "eta_cap": "ReMDM: the largest probability that a committed token is masked again",
    "fault": "a published fault of a sampler or of decoding",
    "flow": "the velocity field from noise to data",
    "fresh_noise": "whether fresh noise is one draw for all points, or one for each",
    "given": "tokens that stay where they are, as place:word",
    "guidance_scale": "w: 0 ignores the condition, 1 is plain conditioning",
    "guidance_weight": "w' = w - 1",
    "guide_at": "noise levels at which guidance acts",
    "guide_by": "the source of guidance",
    "imagen_weight": "w under the name that Imagen gives it",
    "interpolation": "the way from one noise to another",
    "interval_high": "noise level above which guidance does not act",
    "interval_low": "noise level below which guidance does not act",
    "langevin_steps": "Langevin steps at each noise level",
    "learning_rate": "step size of Adam",
    "learns": "what a new word is fitted by: its vector, or the network too",
    "length": "tokens of a text",
    "level_distribution": "noise levels at which a network is trained",
    "mixture": "Gaussians made by the reader, twelve base-36 digits each",
    "model": "the model that predicts",
    "model_error": "how far a model is off, 0 for an exact one",
    "nfe": "evaluations of the network per point",
    "noise_level": "t at which a function of noised points is shown",
    "num_inference_steps": "passes of masked diffusion",
    "num_levels": "noise levels of a sampler",
    "num_points": "points that are drawn and sampled",
    "num_runs": "independent runs behind an error bar",
    "num_samples": "pictures or points that a chart samples",
    "num_steps": "steps of a solver, or of the forward chain",
    "num_values": "values that a linear code keeps of a patch",
    "preconditioning": "how a network's input and output are scaled",
    "prediction": "the quantity that a network predicts",
    "probe_x": "place of the probe, across",
    "probe_y": "place of the probe, up",
    "progress": "share of a run, from 0 to 1",
    "prompt": "the words that a picture should follow",
    "remasking": "which masked tokens a pass commits",
    "rescale": "guidance rescale phi: 0 none, 1 the length of the conditional prediction",
    "rho": "bend of the spacing of Karras' noise levels",
    "sampler": "the algorithm from noise to data",
    "schedule": "the noise schedule",
    "sde_sigma": "strength of the noise of the SDE that has a flow's marginals",
    "seed": "seed of all random numbers",
    "skill": "correlation of a prediction with the truth, from 0 to 1",
    "skip": "the skip connection that carries nothing",
    "solver": "the method that follows an ODE",
    "spacing": "how noise levels are spaced",
    "stay": "probability that a small chain keeps its state",
    "t": "time: of diffusion, 0 data and 1 noise; of flow matching, 0 noise and 1 data",
    "temperature": "0 takes the likeliest token",
    "training_step": "steps that a network has been trained",
    "variable": "the variable in which an ODE is solved",
    "view": "the view that is shown",
    "way": "way from one noise to another, from 0 to 1",
    "writing": "how text is written left to right",
}

#: Former name of a setting → its name now; read where the instrument has no setting of the former name.
SETTING_ALIASES: dict[str, str] = {
    "mode": "view",
    "batch": "batch_size",
    "num_steps": "langevin_steps",
}

#: Former value → value now, by setting.
VALUE_ALIASES: dict[str, dict[str, str]] = {
    "sampler": {
        "reverse_sde": "sde_euler",
        "dpm-solver++": "dpm_solver_pp_2m",
        "deterministic": "ode_heun",
        "stochastic": "sde_heun",
    },
}


def current_setting(name: str, settings: tuple[str, ...]) -> str:
    """Resolves an alias: the setting that `name` means in an instrument with these settings, or `name` itself."""
    alias = SETTING_ALIASES.get(name, name)
    return alias if name not in settings and alias in settings else name


def current_value(setting: str, text: str) -> str:
    """The current spelling of a value: lower case, aliases resolved."""
    folded = text.strip().casefold()
    return VALUE_ALIASES.get(setting, {}).get(folded, folded)
